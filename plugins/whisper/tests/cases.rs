//! Golden cases: plans, passages and subtitles.

use plugin_sdk::testkit;
use whisper::Whisper;

#[test]
fn plans() {
    testkit::check_plan::<Whisper>("cases");
}

#[test]
fn passages() {
    testkit::check_segments::<Whisper>("cases");
}
