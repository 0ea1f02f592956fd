//! What a client says to a model.

/// Who speaks in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions from the application.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// One part of a message's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentPart {
    /// Text, exactly as the client sent it.
    Text(String),
    /// An image, by its index in the request's media list.
    Image(u32),
    /// An audio clip, by its index in the request's media list.
    Audio(u32),
}

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// The function's name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// Its parameters as one JSON Schema object.
    pub parameters_json: String,
    /// The whole tool object as the client sent it, keys in the client's order.
    pub definition_json: String,
}

/// A call that the model made in an earlier turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The id by which a later message answers it.
    pub id: String,
    /// The function's name.
    pub name: String,
    /// The arguments as one JSON object.
    pub arguments_json: String,
}

/// One turn of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Vec<ContentPart>,
    /// The speaker's or the function's name.
    pub name: Option<String>,
    /// The reasoning that the client sent back with an assistant's turn.
    pub reasoning: Option<String>,
    /// The calls that the assistant made.
    pub tool_calls: Vec<ToolCall>,
    /// For [`Role::Tool`], the call that this message answers.
    pub tool_call_id: Option<String>,
}

/// Which tools the model may, or must, call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// No tool may be called.
    None,
    /// Some tool must be called.
    Required,
    /// This tool must be called.
    Named(String),
}

/// A conversation to answer, free of any dialect; see the WIT record of the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatRequest {
    /// The conversation, oldest message first.
    pub messages: Vec<Message>,
    /// The functions that the model may call.
    pub tools: Vec<Tool>,
    /// Which of them it may, or must, call.
    pub tool_choice: ToolChoice,
    /// Whether several calls may come in one reply.
    pub parallel_tool_calls: Option<bool>,
    /// Whether the client wants reasoning.
    pub reasoning: Option<bool>,
    /// How much reasoning the client wants.
    pub reasoning_effort: Option<String>,
    /// Whether the reply continues the last message.
    pub continue_last: bool,
    /// The date and time of the request (RFC 3339).
    pub now: String,
    /// Further template variables, as one JSON object.
    pub template_variables_json: Option<String>,
}
