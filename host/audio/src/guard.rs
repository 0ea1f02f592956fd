//! A wall around the libraries that read media files.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{AudioError, Result};

/// Runs a library's code; a fault in it blames the file that led there.
///
/// What the code was changing must not be used again after a fault, since it may be half done.
pub(crate) fn guarded<T>(format: &str, run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        tracing::warn!(format, fault = text.as_deref().unwrap_or("unknown"), "a decoder failed");
        Err(AudioError::Broken {
            format: format.to_owned(),
            reason: "its decoder could not make sense of it".to_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_become_errors() {
        assert_eq!(guarded("x", || Ok(3)).unwrap(), 3);
        let error = guarded::<()>("wav", || panic!("index out of bounds")).unwrap_err();
        assert!(matches!(&error, AudioError::Broken { format, .. } if format == "wav"), "{error}");
    }
}
