//! The golden cases of this family.

use orca::Orca;
use plugin_sdk::testkit;

#[test]
fn render() {
    testkit::check_render::<Orca>("cases");
}

#[test]
fn parse() {
    testkit::check_parse::<Orca>("cases");
}
