//! Templates of real models, where the folder `shared/data/templates` lies beside the repository.

mod common;

use common::{Golden, conversations, models, named_card, outcome};

#[test]
fn as_reference_jinja() {
    let mut wrong = Vec::new();
    let mut equal = 0;
    for (name, source, golden) in models() {
        assert!(Golden::of(&golden["template"]).is(&source), "{name} is another template");
        let card = named_card(&source);
        for (conversation, request) in conversations() {
            let expect = Golden::of(&golden[&conversation]);
            let actual = outcome(&card, &request);
            if expect.agrees(&actual) {
                equal += 1;
            } else {
                wrong.push(format!("{name} / {conversation}: {expect:?}\n{actual:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{equal} equal, {} not:\n{}", wrong.len(), wrong.join("\n"));
}
