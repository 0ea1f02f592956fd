"""Varies a question while training, so that wordings never seen reach the right answer.

All changes keep what the question asks for: other ways to open it, politeness, case, punctuation,
synonyms, dropped words, rare typing errors. Off-topic questions are also crossed with each other:
the first half of one and the second half of another are still about something else.
"""

from __future__ import annotations

import random
import re

from dataset import language_of

# Openings that can stand for each other; the rest of the question stays.
ENGLISH_OPENINGS = [
    [
        "how do i ", "how can i ", "how to ", "how would i ", "how does one ", "how should i ", "how do you ",
        "what do i do to ", "what do i have to do to ", "what must i do to ", "i want to ", "i need to ",
        "i would like to ", "i'd like to ", "i'm trying to ", "show me how to ", "tell me how to ",
        "explain how to ", "what is the way to ", "what's the best way to ", "is there a way to ", "steps to ",
        "help me ", "how could i ", "how might i ", "please explain how to ", "i have to ", "how do we ",
    ],
    [
        "what is ", "what's ", "what are ", "explain ", "tell me about ", "define ", "describe ",
        "can you explain ", "could you explain ", "what do you mean by ", "meaning of ", "give me an explanation of ",
        "i do not understand ", "what exactly is ", "what is meant by ", "tell me what is ", "information about ",
        "what about ", "i want to know about ", "do you know ", "say something about ",
    ],
    [
        "does it support ", "does modelhost support ", "is there support for ", "do you support ", "can it do ",
        "what about ", "is it possible to use ", "does the host support ", "can i use ", "will it support ",
    ],
    [
        "where is ", "where's ", "where do i find ", "where can i find ", "where can i see ", "where do i see ",
        "how do i find ", "where are ", "where would i find ", "in which place is ",
    ],
    ["can i ", "may i ", "could i ", "is it possible to ", "am i able to ", "is there a way to ", "can one ", "can you "],
    ["why do i get ", "i get ", "i got ", "i receive ", "why is there ", "i see ", "what causes ", "my client gets ",
     "the server answers ", "why does it say ", "it says "],
    ["which ", "what ", "list the ", "show the ", "tell me which "],
    ["what happens when ", "what happens if ", "what if ", "what does it do when ", "what will happen when "],
]
ENGLISH_FRONTS = [
    "please ", "hi, ", "hello, ", "hey, ", "hello! ", "can you tell me ", "could you tell me ", "tell me, ",
    "i would like to know ", "i want to know ", "i have a question: ", "quick question: ", "question: ", "sorry, ",
    "ok, ", "and ", "so ", "now ", "one more thing: ", "excuse me, ", "i wonder ", "do you know ", "well, ",
    "in modelhost, ", "with modelhost, ", "i am new here. ", "could you please tell me ", "just ", "but ",
    "another question, ", "also, ", "can you say ", "let me know ", "i'm curious, ", "maybe you can tell me ",
]
ENGLISH_ENDS = [
    " please", " please?", ", please", " thanks", ", thank you", " in modelhost", " with modelhost", " here", " exactly",
    " on this host", " for me", " in detail", " in short", " briefly", " now", " then", " with this host", " again",
    " in this project", ", can you help?", " actually", " anyway", " on my machine", " with it",
]
ENGLISH_SYNONYMS = [
    ["add", "install", "put in", "register", "include", "insert"],
    ["start", "launch", "run", "boot", "bring up", "fire up"],
    ["stop", "end", "quit", "terminate", "shut down", "kill"],
    ["show", "display", "print", "list", "view", "see"],
    ["connect", "attach", "hook up", "link", "integrate"],
    ["make", "create", "build", "generate"],
    ["change", "modify", "alter", "switch", "edit"],
    ["set", "configure", "adjust", "define", "specify"],
    ["folder", "directory"],
    ["error", "failure", "problem", "issue"],
    ["use", "work with", "employ", "utilize"],
    ["server", "host", "service", "modelhost"],
    ["modelhost", "this host", "the host", "this server", "it", "this program", "the software"],
    ["request", "query", "call"],
    ["answer", "reply", "response", "output"],
    ["config", "configuration", "settings", "setup"],
    ["fast", "quick", "quickly", "speedy"],
    ["remove", "delete", "take out", "drop", "get rid of"],
    ["crash", "die", "fail", "break"],
    ["explain", "describe", "clarify"],
    ["big", "large", "huge"],
    ["many", "several", "multiple", "lots of"],
    ["computer", "machine", "pc", "box"],
    ["write", "develop", "code", "program"],
    ["check", "verify", "test", "validate"],
    ["find", "locate", "look up", "discover"],
    ["supported", "available", "possible", "allowed"],
    ["mean", "stand for", "say", "indicate"],
    ["meaning", "sense", "definition"],
    ["does", "do"], ["is", "are"], ["can", "could"], ["what", "which"], ["the", "a", "my", "this"],
    ["my", "our", "your", "the"],
    ["prompt", "input"],
    ["url", "address", "endpoint"],
    ["key", "option", "setting"],
    ["api", "rest api", "interface"],
    ["need", "require"],
    ["get", "receive", "obtain"],
    ["happens", "occurs"],
    ["slow", "sluggish", "taking long"],
    ["wrong", "incorrect", "bad"],
    ["client", "app", "application", "program"],
    ["command", "cli command", "shell command"],
    ["command line", "terminal", "shell", "console"],
    ["text", "words"],
    ["model", "llm", "language model"],
    ["models", "llms", "language models"],
    ["weights", "model file", "weight file"],
    ["licence", "license"],
]
CHINESE_FRONTS = [
    "请问", "请问一下，", "你好，", "您好，", "我想知道", "请告诉我", "能告诉我", "想问一下，", "麻烦问一下，", "那", "我想问",
    "在 modelhost 里，", "还有，", "另外，", "那么", "请解释", "不好意思，", "能不能说说", "我想了解",
]
CHINESE_ENDS = ["呢", "呢？", "？", "。", "，谢谢", "啊", "？谢谢", "，请说明", "，请告诉我", "！", "呀？"]
CHINESE_SYNONYMS = [
    ["怎么", "如何", "怎样", "要怎么", "该怎么", "应该怎么", "怎么样才能", "咋"],
    ["是什么意思", "是什么", "指什么", "指的是什么", "是啥", "是指什么", "有什么含义"],
    ["什么是", "解释一下", "介绍一下", "说明一下", "讲讲", "说说", "请解释"],
    ["可以", "能", "能够", "能不能", "可不可以", "是否可以"],
    ["吗", "么", "不"],
    ["哪里", "哪儿", "什么地方", "哪个位置"],
    ["为什么", "为何", "为啥"],
    ["添加", "增加", "加入", "新增", "加", "装"],
    ["设置", "配置", "设定", "指定"],
    ["启动", "运行", "开启", "跑起来"],
    ["查看", "看", "查", "显示"],
    ["支持", "能用", "兼容", "可以用"],
    ["有哪些", "有什么", "都有哪些", "包括哪些"],
    ["怎么办", "如何处理", "怎么解决", "该怎么办", "如何解决"],
    ["错误", "报错", "出错", "问题"],
    ["修改", "更改", "改", "调整"],
    ["使用", "用", "利用"],
    ["主机", "服务器", "服务", "modelhost"],
    ["写", "编写", "开发", "制作"],
    ["回答", "回复", "输出", "答案"],
    ["需要", "要", "必须"],
    ["有什么用", "有什么作用", "用来做什么", "是干什么的", "是做什么的"],
    ["返回", "收到", "得到", "出现", "报"],
    ["的", ""], ["我的", "我", "自己的"], ["一下", ""], ["请", ""],
]
STOP_WORDS = set(
    "a an the do does did is are was be to of in on at for with my your our this that it its i you me we us can could "
    "would should will shall have has what which how why when where who there here please and or so just some any".split()
)
_PUNCTUATION = re.compile(r"[?!.,;:`'\"？！。，；：]")


def _opening(text: str, rng: random.Random) -> str:
    low = text.lower()
    for group in rng.sample(ENGLISH_OPENINGS, len(ENGLISH_OPENINGS)):
        for opening in group:
            rest = text[len(opening) :]
            if low.startswith(opening) and len(rest) > 2:
                # Sometimes nothing is left but the key words.
                return rest if rng.random() < 0.15 else rng.choice(group) + rest
    return text


def _synonyms(text: str, groups: list[list[str]], chance: float, whole_words: bool, rng: random.Random) -> str:
    for group in groups:
        if rng.random() >= chance:
            continue
        for word in sorted(group, key=len, reverse=True):
            if not word:
                continue
            pattern = rf"\b{re.escape(word)}\b" if whole_words else re.escape(word)
            changed, count = re.subn(pattern, lambda _: rng.choice(group), text, count=1, flags=re.IGNORECASE)
            if count:
                text = changed
                break
    return text


def _drop_words(text: str, rng: random.Random) -> str:
    parts = text.split(" ")
    if len(parts) < 4:
        return text
    kept = [w for w in parts if rng.random() > (0.2 if w.lower() in STOP_WORDS else 0.06)]
    return " ".join(kept) if len(kept) >= 2 else text


def _typo(word: str, rng: random.Random) -> str:
    if len(word) < 4 or not word.isalpha():
        return word
    at = rng.randrange(len(word) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :] if kind == 1 else word[:at] + word[at] + word[at:]


def _case(text: str, rng: random.Random) -> str:
    dice = rng.random()
    if dice < 0.45:
        return text.lower()
    if dice < 0.60:
        return text[:1].upper() + text[1:]
    if dice < 0.62:
        return text.upper()
    return text


def _punctuation(text: str, rng: random.Random) -> str:
    dice = rng.random()
    if dice < 0.25:
        return text.rstrip("?.!")
    if dice < 0.45:
        return text.rstrip("?.!") + rng.choice(["?", "?", "?", ".", "!", "??", " ?", "..."])
    if dice < 0.52:
        return _PUNCTUATION.sub("", text) or text
    return text


def english(text: str, rng: random.Random, framed: bool = True) -> str:
    """One variant of an English question. Small talk is not framed with other small talk."""
    if framed:
        if rng.random() < 0.4:
            text = _opening(text, rng)
        text = _synonyms(text, ENGLISH_SYNONYMS, 0.22, True, rng)
        if rng.random() < 0.35:
            text = _drop_words(text, rng)
        if rng.random() < 0.22:
            text = text.rstrip("?.!") + rng.choice(ENGLISH_ENDS)
        if rng.random() < 0.25:
            text = rng.choice(ENGLISH_FRONTS) + text[:1].lower() + text[1:]
        parts = text.split(" ")
        if len(parts) > 3 and rng.random() < 0.05:
            at = rng.randrange(len(parts) - 1)
            parts[at], parts[at + 1] = parts[at + 1], parts[at]
            text = " ".join(parts)
    if rng.random() < 0.12:
        text = " ".join(_typo(w, rng) if rng.random() < 0.25 else w for w in text.split(" "))
    return _punctuation(_case(text, rng), rng).strip() or text


def chinese(text: str, rng: random.Random, framed: bool = True) -> str:
    """One variant of a Chinese question."""
    if framed:
        text = _synonyms(text, CHINESE_SYNONYMS, 0.3, False, rng)
        bare = text.rstrip("？。！?")
        if rng.random() < 0.3:
            text = bare + rng.choice(CHINESE_ENDS)
        if rng.random() < 0.3:
            text = rng.choice(CHINESE_FRONTS) + text
        if len(text) > 6 and rng.random() < 0.25:
            text = "".join(c for c in text if rng.random() > 0.06)
    dice = rng.random()
    if dice < 0.25:
        text = text.rstrip("？。！?") or text
    elif dice < 0.4:
        text = text.rstrip("？。！?") + rng.choice(["？", "?", "。", "！"])
    if rng.random() < 0.25:
        text = text.replace(" ", "")
    if rng.random() < 0.3:
        text = text.lower()
    return text


def vary(text: str, rng: random.Random, framed: bool = True) -> str:
    """One variant of a question in either language."""
    return (chinese if language_of(text) == "zh" else english)(text, rng, framed)


def cross(first: str, second: str, rng: random.Random) -> str:
    """Half of one question and half of another, cut between words (Chinese: between characters)."""
    gap = "" if language_of(first) == "zh" else " "
    one, two = (list(t) if gap == "" else t.split(" ") for t in (first, second))
    return gap.join(one[: max(1, round(len(one) * rng.uniform(0.3, 0.8)))] + two[len(two) // 2 :])
