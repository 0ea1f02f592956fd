//! The golden cases of this family.

use jinja::Jinja;
use plugin_sdk::testkit;

#[test]
fn render() {
    testkit::check_render::<Jinja>("cases");
}

#[test]
fn parse() {
    testkit::check_parse::<Jinja>("cases");
}
