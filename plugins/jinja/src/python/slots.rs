//! Arguments by place or by name, as Python takes them.

use minijinja::value::{Kwargs, Value, from_args};
use minijinja::{Error, ErrorKind};

/// The arguments of one call.
pub(crate) struct Slots {
    given: Vec<Option<Value>>,
}

impl Slots {
    /// Sorts the arguments of a call into the places that `names` gives.
    pub(crate) fn of(args: &[Value], names: &[&str]) -> Result<Self, Error> {
        let (places, kwargs) = from_args::<(&[Value], Kwargs)>(args)?;
        if places.len() > names.len() {
            return Err(Error::from(ErrorKind::TooManyArguments));
        }
        let mut places = places.iter().cloned();
        let mut given = Vec::with_capacity(names.len());
        for name in names {
            given.push(match places.next() {
                Some(value) => Some(value),
                None => kwargs.get::<Option<Value>>(name)?,
            });
        }
        kwargs.assert_all_used()?;
        Ok(Self { given })
    }

    /// An argument; `None` in the template is the same as leaving it out.
    pub(crate) fn value(&self, index: usize) -> Option<&Value> {
        let value = self.given.get(index)?.as_ref()?;
        (!value.is_none() && !value.is_undefined()).then_some(value)
    }

    /// An argument that is text.
    pub(crate) fn text(&self, index: usize) -> Result<Option<&str>, Error> {
        let Some(value) = self.value(index) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| wrong("a string", value))
    }

    /// Text that must be there.
    pub(crate) fn needed(&self, index: usize) -> Result<&str, Error> {
        self.text(index)?.ok_or_else(|| Error::from(ErrorKind::MissingArgument))
    }

    /// An argument that is a whole number.
    pub(crate) fn number(&self, index: usize) -> Result<Option<i64>, Error> {
        let Some(value) = self.value(index) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| wrong("an integer", value))
    }

    /// An argument that is true or false.
    pub(crate) fn flag(&self, index: usize) -> bool {
        self.value(index).is_some_and(Value::is_true)
    }
}

fn wrong(expected: &str, value: &Value) -> Error {
    let detail = format!("expected {expected}, got {}", value.kind());
    Error::new(ErrorKind::InvalidOperation, detail)
}
