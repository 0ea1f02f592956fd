//! The golden cases of this family.

use plugin_sdk::testkit;
use vicuna::Vicuna;

#[test]
fn render() {
    testkit::check_render::<Vicuna>("cases");
}

#[test]
fn parse() {
    testkit::check_parse::<Vicuna>("cases");
}
