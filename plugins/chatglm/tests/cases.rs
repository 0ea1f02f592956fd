//! The golden cases of this family.

use chatglm::ChatGlm;
use plugin_sdk::testkit;

#[test]
fn render() {
    testkit::check_render::<ChatGlm>("cases");
}

#[test]
fn parse() {
    testkit::check_parse::<ChatGlm>("cases");
}
