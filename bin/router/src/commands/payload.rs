use std::io::Read;
use std::path::Path;

use super::Failure;

/// Bytes of a payload; what Usher takes by default is a quarter of it.
const MAX_PAYLOAD: u64 = 1024 * 1024;

/// A payload from a file, or from standard input where that is `-`.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let name = file.display();
    let mut payload = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_PAYLOAD + 1).read_to_end(&mut payload)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MAX_PAYLOAD + 1).read_to_end(&mut payload))
    };
    read.map_err(|error| {
        Failure::failed(format!("{name} cannot be read ({error}): give a file with a payload"))
    })?;
    if payload.len() as u64 > MAX_PAYLOAD {
        return Err(Failure::failed(format!(
            "{name} is larger than any payload: at most {MAX_PAYLOAD} bytes are sent"
        )));
    }
    Ok(payload)
}
