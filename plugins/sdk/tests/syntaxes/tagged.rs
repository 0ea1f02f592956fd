//! Calls whose arguments stand between tags.

use super::*;

const TWO: &str = r#"{"call":"weather"} {"arguments":"{\"city\": \"Paris\", \"days\": 1}"} {"call":"now"} {"arguments":"{}"}"#;

#[test]
fn qwen() {
    let check = |text: &str, expect: &str| check(Syntax::QwenCoder, text, expect);
    check(
        "<tool_call>\n<function=weather>\n<parameter=city>\nParis\n</parameter>\n<parameter=days>\n1\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=now>\n</function>\n</tool_call>",
        TWO,
    );
    check(
        "Let me call it.\n<function=weather>\n<parameter=days>\n1\n</parameter>\n</function>\n</tool_call>",
        r#"{"content":"Let me call it."} {"call":"weather"} {"arguments":"{\"days\": 1}"}"#,
    );
    let value = |tool: &str, key: &str, value: &str, expect: &str| {
        let text = format!(
            "<tool_call>\n<function={tool}>\n<parameter={key}>\n{value}\n</parameter>\n</function>\n</tool_call>"
        );
        let arguments = json!({"arguments": format!("{{\"{key}\": {expect}}}")});
        check(&text, &format!("{{\"call\":\"{tool}\"}} {arguments}"));
    };
    value("weather", "city", "5123123", r#""5123123""#);
    value("weather", "city", "\"foo\"", r#""\"foo\"""#);
    value("weather", "city", "", r#""""#);
    value("python", "code", "    a < b\n</function> x\n", r#""    a < b\n</function> x\n""#);
    value("amount", "value", "-3.14", "-3.14");
    value("amount", "exact", "True", "true");
    value("todo", "items", "[{\"done\": false}]", r#"[{"done": false}]"#);
    value("rename", "name", "null", "null");
    value("rename", "name", "123 Main St", r#""123 Main St""#);
    value("union", "value", "{\"a\": 1}", r#"{"a": 1}"#);
    value("union", "value", "{not json", r#""{not json""#);
    value("unknown", "x", "1", "1");
    for text in [
        "<tool_call>\n<function=weather>\n<parameter=city>\nParis",
        "<tool_call>\nweather\n</tool_call>",
        "<function=a b>\n</function>",
        "<function=weather>\n<parameter=city>\nParis\n</function>",
    ] {
        check_content(Syntax::QwenCoder, text);
    }
}

#[test]
fn seed() {
    check(
        Syntax::Seed,
        "<seed:think>I'm thinking</seed:think>\n<seed:tool_call>\n<function=weather>\n<parameter=city>Paris</parameter>\n<parameter=days>1</parameter>\n</function>\n</seed:tool_call>\n<seed:tool_call>\n<function=now>\n</function>\n</seed:tool_call>",
        &format!(r#"{{"reasoning":"I'm thinking"}} {TWO}"#),
    );
    check(
        Syntax::Seed,
        "<seed:tool_call>\n<function=python>\n<parameter=code>def f(a = \"14\"):\n    pass\n</parameter>\n</function>\n</seed:tool_call>",
        r#"{"call":"python"} {"arguments":"{\"code\": \"def f(a = \\\"14\\\"):\\n    pass\\n\"}"}"#,
    );
}

#[test]
fn minimax() {
    check(
        Syntax::MiniMaxM2,
        "Let me check.\n<minimax:tool_call>\n<invoke name=\"weather\">\n<parameter name=\"city\">Paris</parameter>\n<parameter name=\"days\">1</parameter>\n</invoke>\n<invoke name=\"now\">\n</invoke>\n</minimax:tool_call> Done.",
        &format!(r#"{{"content":"Let me check."}} {TWO} {{"content":" Done."}}"#),
    );
    check(
        Syntax::MiniMaxM2,
        "a <minix <minimax:tool_call><invoke name=\"now\"></invoke></minimax:tool_call>",
        r#"{"content":"a <minix "} {"call":"now"} {"arguments":"{}"}"#,
    );
    check_content(Syntax::MiniMaxM2, "Before <minimax:tools are unavailable");
}

#[test]
fn minimax_m3() {
    let m3 = |body: &str| {
        let body = body.replace('<', "]<]minimax[>[<");
        format!(
            "<mm:think>hm</mm:think>]<]minimax[>[<tool_call>\n{body}\n]<]minimax[>[</tool_call>"
        )
    };
    let check = |body: &str, expect: &str| {
        check(Syntax::MiniMaxM3, &m3(body), &format!(r#"{{"reasoning":"hm"}} {expect}"#));
        let plain = format!("<minimax:tool_call>{body}</minimax:tool_call>");
        super::check(Syntax::MiniMaxM3, &plain, expect);
    };
    check(
        "<invoke name=\"weather\"><city>Paris</city><days>1</days></invoke>\n<invoke name=\"now\"></invoke>",
        TWO,
    );
    check(
        "<invoke name=\"config\"><settings><unit>c</unit><range><min>-5</min><max>1.5</max></range></settings></invoke>",
        r#"{"call":"config"} {"arguments":"{\"settings\": {\"unit\": \"c\", \"range\": {\"min\": -5, \"max\": 1.5}}}"}"#,
    );
    check(
        "<invoke name=\"todo\"><items><item>a</item><item><id>1</id></item></items></invoke>",
        r#"{"call":"todo"} {"arguments":"{\"items\": [\"a\", {\"id\": 1}]}"}"#,
    );
    check(
        "<invoke name=\"search\"><city>Beijing</city><city>Shanghai</city></invoke>",
        r#"{"call":"search"} {"arguments":"{\"city\": [\"Beijing\", \"Shanghai\"]}"}"#,
    );
    super::check(
        Syntax::MiniMaxM3,
        "<minimax:tool_call><invoke name=\"weather\"><parameter name=\"city\">Paris</parameter></invoke></minimax:tool_call>",
        r#"{"call":"weather"} {"arguments":"{\"city\": \"Paris\"}"}"#,
    );
    super::check(
        Syntax::MiniMaxM3,
        "<minimax:tool_call><invoke name=\"search\"><query>cats & dogs &amp; birds</query><url>https://example.com/?a=1&b=2</url></invoke></minimax:tool_call>",
        r#"{"call":"search"} {"arguments":"{\"query\": \"cats & dogs & birds\", \"url\": \"https://example.com/?a=1&b=2\"}"}"#,
    );
    super::check(
        Syntax::MiniMaxM3,
        "]<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name=\"union\">]<]minimax[>[<label>]<]minimax[>[<text>hi]<]minimax[>[</text>]<]minimax[>[</label>]<]minimax[>[</invoke>\n]<]minimax[>[</tool_call>",
        r#"{"call":"union"} {"arguments":"{\"label\": \"]<]minimax[>[<text>hi]<]minimax[>[</text>\"}"}"#,
    );
    super::check(Syntax::MiniMaxM3, "</mm:think>Hello", r#"{"content":"Hello"}"#);
}

#[test]
fn deepseek() {
    for (prefix, group) in [
        ("｜DSML｜", "function_calls"),
        ("｜DSML｜", "tool_calls"),
        ("｜DSML｜ ", "calls"),
        ("", "function_calls"),
        ("", "tool_calls"),
    ] {
        let (open, close) = (format!("<{prefix}"), format!("</{prefix}"));
        let text = format!(
            "{open}{group}>\n{open}invoke name=\"weather\">\n{open}parameter name=\"city\" string=\"true\">Paris{close}parameter>\n{open}parameter name=\"days\" string=\"false\">1{close}parameter>\n{close}invoke>\n{open}invoke name=\"now\">\n\n{close}invoke>\n{close}{group}>"
        );
        check(
            Syntax::DeepSeek32,
            &format!("Checking. \n\n{text} Done."),
            &format!(r#"{{"content":"Checking. "}} {TWO} {{"content":" Done."}}"#),
        );
    }
    check(
        Syntax::DeepSeek32,
        "<｜DSML｜tool_calls><｜DSML｜invoke name=\"broken\"><｜DSML｜parameter name=\"payload\" string=\"false\">{\"missing\": }</｜DSML｜parameter><｜DSML｜parameter name=\"text\" string=\"true\">001</｜DSML｜parameter></｜DSML｜invoke></｜DSML｜tool_calls>",
        r#"{"call":"broken"} {"arguments":"{\"payload\": \"{\\\"missing\\\": }\", \"text\": \"001\"}"}"#,
    );
    for text in [
        "Checking. <｜DSML｜ calls>broken</｜DSML｜ calls>",
        "a < b; <｜DSML｜ x is text",
        "if a < b and b <c then print(a<b); <tool is not <tool_call, <function_calls is not <function_call>! <｜ and <｜DSML or <｜tool▁calls are only prefixes.",
    ] {
        check_content(Syntax::DeepSeek32, text);
    }
    check_after(
        "<｜Assistant｜><think>",
        Syntax::DeepSeek32,
        "Let me check the time\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"now\">\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>",
        r#"{"reasoning":"Let me check the time"} {"call":"now"} {"arguments":"{}"}"#,
    );
}

#[test]
fn pairs() {
    let text = "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n<arg_key>days</arg_key>\n<arg_value>1</arg_value>\n</tool_call>\n<tool_call>now</tool_call>";
    check(Syntax::Glm45, text, TWO);
    check(Syntax::Glm45, &text.replace('\n', ""), TWO);
    check(
        Syntax::Glm45,
        "Before <tool_call>weather<arg_key>city</arg_key><arg_value>has </think>, <tool_call> and </tool_call></arg_value></tool_call> after",
        r#"{"content":"Before "} {"call":"weather"} {"arguments":"{\"city\": \"has </think>, <tool_call> and </tool_call>\"}"} {"content":" after"}"#,
    );
    let hunyuan = "<tool_calls:opensource>\n<tool_call:opensource>weather<tool_sep:opensource>\n<arg_key:opensource>city</arg_key:opensource>\n<arg_value:opensource>Paris</arg_value:opensource>\n<arg_key:opensource>days</arg_key:opensource>\n<arg_value:opensource>1</arg_value:opensource>\n</tool_call:opensource>\n<tool_call:opensource>now<tool_sep:opensource>\n</tool_call:opensource>\n</tool_calls:opensource>";
    check(Syntax::Hunyuan, hunyuan, TWO);
    check_content(Syntax::Glm45, "<tool_call>weather<arg_key>city</arg_key></tool_call>");
    check_content(Syntax::Glm45, "<tool_call>a b</tool_call>");
}

#[test]
fn kimi_k3() {
    let call = "<|open|>tools<|sep|><|open|>call tool=\"weather\" index=\"1\"<|sep|><|open|>argument key=\"city\" type=\"string\"<|sep|>Paris<|close|>argument<|sep|><|open|>argument key=\"days\" type=\"number\"<|sep|>1<|close|>argument<|sep|><|close|>call<|sep|><|open|>call tool=\"now\" index=\"2\"<|sep|><|close|>call<|sep|><|close|>tools<|sep|><|close|>message<|sep|>";
    check_after(
        "<|open|>think<|sep|>",
        Syntax::KimiK3,
        &format!(
            "I should<|close|>think<|sep|><|open|>response<|sep|>On it.<|close|>response<|sep|>{call}"
        ),
        &format!(r#"{{"reasoning":"I should"}} {{"content":"On it."}} {TWO}"#),
    );
    check_after(
        "<|open|>think<|sep|>",
        Syntax::KimiK3,
        "<|open|>response<|sep|>Hello<|close|>response<|sep|><|close|>message<|sep|>",
        r#"{"content":"Hello"}"#,
    );
    check(Syntax::KimiK3, &format!("answer{call}"), &format!(r#"{{"content":"answer"}} {TWO}"#));
}

#[test]
fn minicpm() {
    check(
        Syntax::MiniCpm5,
        "Before <function name=\"weather\"><param name=\"city\">\"Paris\"</param><param name=\"days\">1</param></function><function name=\"now\"></function> after",
        &format!(r#"{{"content":"Before "}} {TWO} {{"content":" after"}}"#),
    );
    check(
        Syntax::MiniCpm5,
        "<function name=\"python\"><param name=\"code\"><![CDATA[a </param> and </function> end]]></param></function>",
        r#"{"call":"python"} {"arguments":"{\"code\": \"a </param> and </function> end\"}"}"#,
    );
}

#[test]
fn gemma() {
    let check = |text, expect| check(Syntax::Gemma4, text, expect);
    check(
        "<|tool_call>call:weather{city:<|\"|>Paris<|\"|>,days:1}<tool_call|><|tool_call>call:now{}<tool_call|>",
        TWO,
    );
    check(
        "Hi<|tool_call>call:config{settings:{theme:<|\"|>a}<tool_call|>b<|\"|>,list:[<|\"|>x<|\"|>,true,null,-7,1.5e10]}}<tool_call|>\nThanks",
        r#"{"content":"Hi"} {"call":"config"} {"arguments":"{\"settings\": {\"theme\": \"a}<tool_call|>b\", \"list\": [\"x\", true, null, -7, 15000000000.0]}}"} {"content":"\nThanks"}"#,
    );
    check_content(Syntax::Gemma4, "<|tool_call>call:weather{city:<tool_call|>");
    check_content(Syntax::Gemma4, "<|tool_call>weather{}<tool_call|>");
}

#[test]
fn muse() {
    let call = "<atem:function_calls>\n<atem:invoke name=\"weather\">\n<atem:parameter name=\"city\">New\nYork</atem:parameter>\n<atem:parameter name=\"days\">2</atem:parameter>\n</atem:invoke>\n</atem:function_calls>";
    let shown = r#"{"call":"weather"} {"arguments":"{\"city\": \"New\\nYork\", \"days\": 2}"}"#;
    let thought = " to=self<|message|>Hm.<|eom|><|start|>assistant";
    check(
        Syntax::Muse,
        &format!("{thought} to=weather<|message|>{call}<|eot|>"),
        &format!(r#"{{"reasoning":"Hm."}} {shown}"#),
    );
    check(
        Syntax::Muse,
        &format!("{thought} to=user<|message|>Hello!<|eot|>"),
        r#"{"reasoning":"Hm."} {"content":"Hello!"}"#,
    );
    check(
        Syntax::Muse,
        &format!(
            " to=weather<|message|>{call}<|eom|><|start|>assistant to=weather<|message|>{call}<|eot|>"
        ),
        &format!("{shown} {shown}"),
    );
    check(Syntax::Muse, "<|message|>Hello!", r#"{"content":"Hello!"}"#);
    check(Syntax::Muse, " to=self<|message|>Hm", r#"{"reasoning":"Hm"}"#);
    check_content(Syntax::Muse, "Hello <atem:invoke name=\"weather\">");
    check_content(Syntax::Muse, "to be or not");
}
