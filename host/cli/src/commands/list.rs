//! `host list`: what a running host serves.

use client::ModelDescription;
use serde_json::Value;

use crate::{connect::Connect, output, table};

/// Lists the models that a running host serves, as Xinference's `list` does.
///
/// The tables go to standard error, where scripts written for Xinference look for them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  host list
  host list -e http://192.168.0.7:9997
  host list 2>&1 | grep vicuna")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) connect: Connect,
}

/// The columns of one type of models.
struct Kind {
    model_type: &'static str,
    headers: &'static [&'static str],
    row: fn(&ModelDescription) -> Vec<String>,
}

const KINDS: [Kind; 4] = [
    Kind {
        model_type: "LLM",
        headers: &["UID", "Type", "Name", "Format", "Size (in billions)", "Quantization"],
        row: |model| {
            let mut row = named(model);
            row.push(model.model_format.clone().unwrap_or_default());
            row.push(model.size());
            row.push(model.quantization.clone().unwrap_or_default());
            row
        },
    },
    Kind {
        model_type: "embedding",
        headers: &["UID", "Type", "Name", "Dimensions"],
        row: |model| {
            let mut row = named(model);
            row.push(model.more.get("dimensions").map(Value::to_string).unwrap_or_default());
            row
        },
    },
    Kind { model_type: "rerank", headers: &["UID", "Type", "Name"], row: named },
    Kind { model_type: "audio", headers: &["UID", "Type", "Name"], row: named },
];

fn named(model: &ModelDescription) -> Vec<String> {
    vec![model.id.clone(), model.model_type.clone(), model.model_name.clone()]
}

/// Asks the host and prints.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let models = arguments.connect.client()?.models().await?;
    for table in tables(&models) {
        output::aside(table)?;
        output::line("")?;
    }
    Ok(())
}

fn tables(models: &[ModelDescription]) -> Vec<String> {
    let table = |kind: &Kind| {
        let rows: Vec<Vec<String>> = models
            .iter()
            .filter(|model| model.model_type == kind.model_type)
            .map(kind.row)
            .collect();
        (!rows.is_empty()).then(|| table::simple(kind.headers, &rows))
    };
    KINDS.iter().filter_map(table).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(models: Value, expect: &[&str]) {
        let models: Vec<ModelDescription> = serde_json::from_value(models).unwrap();
        assert_eq!(tables(&models), expect);
    }

    #[test]
    fn one_table_for_each_type() {
        check(json!([]), &[]);
        check(
            json!([
                {"id": "e", "model_type": "embedding", "model_name": "bge-m3", "dimensions": 1024},
                {"id": "tiny", "model_type": "LLM", "model_name": "tiny-chat",
                 "model_format": "ggufv2", "model_size_in_billions": "0_5",
                 "quantization": "q4_0"},
            ]),
            &[
                "\
UID    Type    Name       Format      Size (in billions)  Quantization
-----  ------  ---------  --------  --------------------  --------------
tiny   LLM     tiny-chat  ggufv2                     0_5  q4_0
",
                "\
UID    Type       Name      Dimensions
-----  ---------  ------  ------------
e      embedding  bge-m3          1024
",
            ],
        );
    }
}
