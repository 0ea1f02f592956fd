//! The golden cases of this family.

use baichuan::Baichuan;
use plugin_sdk::testkit;

#[test]
fn render() {
    testkit::check_render::<Baichuan>("cases");
}

#[test]
fn parse() {
    testkit::check_parse::<Baichuan>("cases");
}
