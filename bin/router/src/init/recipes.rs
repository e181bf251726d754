/// A definition that comes with Usher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Its name: the folder's in `recipes/`.
    pub name: &'static str,
    /// What it is for.
    pub what: &'static str,
    /// The definition.
    pub definition: &'static str,
}

/// All of them; a test compares with the folder.
pub const RECIPES: &[Recipe] = &[
    Recipe {
        name: "calendly",
        what: "a seat in a Calendly organisation, by invitation",
        definition: include_str!("../../../../recipes/calendly/definition.toml"),
    },
    Recipe {
        name: "directory",
        what: "a home-grown directory: accounts with roles, OAuth 2.0 and changes that take a while",
        definition: include_str!("../../../../recipes/directory/definition.toml"),
    },
];

impl Recipe {
    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        RECIPES.iter().find(|recipe| recipe.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_of_the_folder_is_here_and_no_other() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../recipes");
        let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let mut there: Vec<String> = folders
            .filter(|entry| entry.path().join("definition.toml").is_file())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        there.sort();
        let known: Vec<&str> = RECIPES.iter().map(|recipe| recipe.name).collect();
        assert_eq!(known, there);
        assert_eq!(Recipe::named("calendly").map(|recipe| recipe.name), Some("calendly"));
        assert_eq!(Recipe::named("nothing"), None);
    }
}
