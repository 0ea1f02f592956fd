//! Reading a tool.

use serde_json::{Map, Value};

use crate::Tool;

impl Tool {
    /// The whole tool object as the client sent it.
    ///
    /// One that is no JSON object is put together from the tool's fields.
    pub fn definition(&self) -> Value {
        if let Ok(definition @ Value::Object(_)) = serde_json::from_str(&self.definition_json) {
            return definition;
        }
        let mut definition = Map::new();
        definition.insert("type".to_owned(), Value::from("function"));
        definition.insert("function".to_owned(), self.own_function());
        Value::Object(definition)
    }

    /// The function in the tool object: what stands under `function`, else the object itself.
    pub fn function(&self) -> Value {
        let definition = self.definition();
        match definition.get("function") {
            Some(function @ Value::Object(_)) => function.clone(),
            _ => definition,
        }
    }

    /// The parameters' JSON Schema; an object of any kind where the client gave none.
    pub fn parameters(&self) -> Value {
        match serde_json::from_str(&self.parameters_json) {
            Ok(Value::Object(schema)) if !schema.is_empty() => Value::Object(schema),
            _ => serde_json::json!({"type": "object"}),
        }
    }

    /// The schema of the arguments of a call that the client demands: those of an object, and none
    /// at all where the tool has no parameters.
    pub fn arguments(&self) -> Value {
        let mut schema = self.parameters();
        let Some(fields) = schema.as_object_mut() else { return schema };
        let has = |keys: &[&str]| keys.iter().any(|key| fields.contains_key(*key));
        if has(&["$ref", "anyOf", "oneOf", "allOf", "not", "if", "enum", "const"]) {
            return schema;
        }
        let named = fields.get("properties").and_then(Value::as_object);
        let named = named.is_some_and(|properties| !properties.is_empty());
        let open = has(&["patternProperties", "required", "minProperties", "propertyNames"])
            || fields.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false));
        // A schema without a type lets any JSON pass, and one without properties any of them.
        fields.insert("type".to_owned(), Value::from("object"));
        if !named && !open {
            fields.insert("properties".to_owned(), Value::Object(Map::new()));
            fields.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
        schema
    }

    fn own_function(&self) -> Value {
        let mut function = Map::new();
        function.insert("name".to_owned(), Value::from(self.name.as_str()));
        if let Some(description) = &self.description {
            function.insert("description".to_owned(), Value::from(description.as_str()));
        }
        function.insert("parameters".to_owned(), self.parameters());
        Value::Object(function)
    }
}
