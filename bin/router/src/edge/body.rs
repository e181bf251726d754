use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::time::timeout_at;
use usher_lumos::ErrorAnswer;

use super::Received;

/// The whole body, or the answer that it earns: 413 as soon as its size is known to be too large, declared or not;
/// 408 when it is not there in time; 400 where it breaks off.
pub(crate) async fn read(body: Incoming, limit: u64, received: &Received) -> Result<Bytes, ErrorAnswer> {
    let too_large = ErrorAnswer::TooLarge { limit };
    if body.size_hint().lower() > limit {
        return Err(too_large);
    }
    let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    let collected =
        timeout_at(received.whole_by, limited.collect()).await.map_err(|_| ErrorAnswer::TooSlow)?;
    match collected {
        Ok(body) => {
            received.whole();
            Ok(body.to_bytes())
        }
        Err(error) if error.is::<LengthLimitError>() => Err(too_large),
        Err(_) => Err(ErrorAnswer::BadRequest { message: "the body broke off: send it again".to_owned() }),
    }
}
