//! Values of slots: texts in facets, texts or whole numbers in expressions.

use serde_json::Value;

use crate::definition::Slot;

/// Values of one slot at the most.
const MOST: usize = 2_000;
/// Bytes of a value at the most: each is kept with the requests that are about it.
const LONGEST: usize = 1_024;

/// A value, a list of them, or none, as the texts of facets. Nothing is guessed: a number is no text.
///
/// # Errors
/// What is wrong with it, without the value.
pub(crate) fn read(value: &Value, slot: &Slot) -> Result<Vec<String>, String> {
    let entries = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(entries) => entries.as_slice(),
        single => std::slice::from_ref(single),
    };
    if entries.len() > MOST {
        return Err(format!("gives more than {MOST} values"));
    }
    let mut values = Vec::with_capacity(entries.len());
    for entry in entries {
        let value = one(entry, slot.integers)?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    if values.len() > 1 && matches!(slot.arity, usher_core::Arity::One { .. }) {
        return Err("gives several values, and the slot holds one".to_owned());
    }
    Ok(values)
}

fn one(entry: &Value, integers: bool) -> Result<String, String> {
    match entry {
        Value::String(text) if text.is_empty() => Err("gives an empty text".to_owned()),
        Value::String(text) if text.len() > LONGEST => {
            Err(format!("gives a text of more than {LONGEST} bytes"))
        }
        Value::String(text) if !integers => Ok(text.clone()),
        Value::Number(number) if integers && (number.is_i64() || number.is_u64()) => Ok(number.to_string()),
        _ if integers => {
            Err("gives something that is no whole number, and the slot has type = \"integer\"".to_owned())
        }
        Value::Number(_) => {
            Err("gives a number, and the slot holds texts: write type = \"integer\" for the vendor's ids"
                .to_owned())
        }
        _ => Err("gives something that is no text".to_owned()),
    }
}

/// A facet's value as expressions see it.
pub(crate) fn show(value: &str, integers: bool) -> Value {
    let number = || {
        let signed = value.parse::<i64>().map(Value::from);
        signed.or_else(|_| value.parse::<u64>().map(Value::from)).ok()
    };
    // A text here is one of a former definition: the request's filling shows it as it is.
    integers.then(number).flatten().unwrap_or_else(|| Value::from(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use usher_core::Arity;

    use super::*;
    use crate::expression::Expression;

    fn slot(integers: bool, arity: Arity) -> Slot {
        let nothing = Expression::parse("none").unwrap();
        Slot { wants: nothing.clone(), has: nothing, pending: None, integers, arity }
    }

    #[test]
    fn a_value_a_list_or_none_is_read_and_nothing_is_guessed() {
        let texts = slot(false, Arity::Many);
        assert_eq!(read(&json!(null), &texts).unwrap(), [""; 0]);
        assert_eq!(read(&json!("a"), &texts).unwrap(), ["a"]);
        assert_eq!(read(&json!(["b", "a", "b"]), &texts).unwrap(), ["b", "a"]);
        let numbers = slot(true, Arity::Many);
        assert_eq!(
            read(&json!([478, 9_223_372_036_854_775_807_u64]), &numbers).unwrap(),
            ["478", "9223372036854775807"]
        );
        for (wrong, of) in [
            (json!(478), &texts),
            (json!("478"), &numbers),
            (json!(4.5), &numbers),
            (json!(""), &texts),
            (json!("x".repeat(1_025)), &texts),
            (json!({}), &texts),
            (json!(true), &texts),
        ] {
            assert!(read(&wrong, of).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_slot_of_one_value_shows_no_two() {
        let one = slot(false, Arity::One { baseline: None });
        assert_eq!(read(&json!(["a"]), &one).unwrap(), ["a"]);
        assert!(read(&json!(["a", "b"]), &one).is_err());
    }

    #[test]
    fn a_whole_number_goes_back_as_a_number_and_a_text_that_looks_like_one_as_a_text() {
        assert_eq!(show("478", true), json!(478));
        assert_eq!(show("18446744073709551615", true), json!(18_446_744_073_709_551_615_u64));
        assert_eq!(show("478", false), json!("478"));
    }
}
