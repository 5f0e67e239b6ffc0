//! The schemas and policies of operations: their texts, their JSON, their flaws, and their decisions. The statements
//! are of one simple family, so that the model needs no Cedar.

/// The contents of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// Whether there is `Action::"write"` beside `Action::"read"`.
    pub write: bool,
    /// Whether principals have a number `n`.
    pub number: bool,
}

/// A schema to publish: the syntax, the source, and its contents or the error.
pub struct SchemaSource {
    pub json: bool,
    pub source: String,
    pub holds: Result<Vocabulary, &'static str>,
}

/// The schema of a byte. The first is the largest.
pub fn schema(choice: u8) -> SchemaSource {
    let text = |attributes: &str, actions: &str| {
        format!("entity U {{ {attributes} }}; entity D; action {actions} appliesTo {{ principal: U, resource: D }};")
    };
    let (json, source, holds) = match choice % 12 {
        0..4 => (false, text("n: Long", "read, write"), Ok(Vocabulary { write: true, number: true })),
        4 => (false, text("n: Long", "read"), Ok(Vocabulary { write: false, number: true })),
        5 => (false, text("", "read, write"), Ok(Vocabulary { write: true, number: false })),
        6 | 7 => (true, schema_json(), Ok(Vocabulary { write: true, number: true })),
        8 => (false, "entity".to_owned(), Err("syntax")),
        9 => (true, "{".to_owned(), Err("json")),
        10 => (true, "{}".to_owned() + &" ".repeat(1_048_575), Err("too_large")),
        _ => (false, format!("entity E {{ a: {} }};", "Set<".repeat(65) + "Long" + &">".repeat(65)), Err("too_deep")),
    };
    SchemaSource { json, source, holds }
}

fn schema_json() -> String {
    let applies = r#"{"appliesTo": {"principalTypes": ["U"], "resourceTypes": ["D"]}}"#;
    format!(
        r#"{{"": {{"entityTypes": {{"U": {{"shape": {{"type": "Record", "attributes": {{"n": {{"type": "Long"}}}}}}}},
        "D": {{}}}}, "actions": {{"read": {applies}, "write": {applies}}}}}}}"#
    )
}

/// The principals of requests: one with a small number, one with the largest, and one without an entity.
pub const PRINCIPALS: [&str; 3] = ["u0", "u1", "u2"];
pub const ACTIONS: [&str; 2] = ["read", "write"];

/// The entities of every request under a schema.
pub fn entities(vocabulary: Vocabulary) -> String {
    let user = |id: &str, n: i64| {
        let attributes = if vocabulary.number { format!(r#"{{"n": {n}}}"#) } else { "{}".to_owned() };
        format!(r#"{{"uid": {{"type": "U", "id": "{id}"}}, "attrs": {attributes}, "parents": []}}"#)
    };
    format!("[{}, {}]", user("u0", 1), user("u1", i64::MAX))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    None,
    /// Never true, and Cedar warns of it.
    Never,
    /// True for the first principal, and an error for the others: an overflow, and a missing entity.
    Number,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub permit: bool,
    pub principal: Option<usize>,
    pub action: Option<usize>,
    pub condition: Condition,
}

/// The effect of a statement on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    Applies,
    Nothing,
    Fails,
}

impl Statement {
    /// The statement of a byte; 0 is the shortest.
    pub fn new(byte: u8) -> Self {
        let some = |choice: u8| choice.checked_sub(1).map(usize::from);
        Self {
            permit: byte & 1 == 0,
            principal: some(byte / 2 % 4).filter(|n| *n < 2),
            action: some(byte / 8 % 4).filter(|n| *n < 2),
            condition: match byte / 32 {
                0..5 => Condition::None,
                5 => Condition::Never,
                _ => Condition::Number,
            },
        }
    }

    pub fn says(&self, principal: usize, action: usize) -> Says {
        let in_scope = self.principal.is_none_or(|own| own == principal) && self.action.is_none_or(|own| own == action);
        match self.condition {
            _ if !in_scope => Says::Nothing,
            Condition::Never => Says::Nothing,
            Condition::Number if principal > 0 => Says::Fails,
            _ => Says::Applies,
        }
    }

    pub fn fits(&self, vocabulary: Vocabulary) -> bool {
        (vocabulary.write || self.action != Some(1)) && (vocabulary.number || self.condition != Condition::Number)
    }

    pub fn text(&self) -> String {
        let effect = if self.permit { "permit" } else { "forbid" };
        let is = |kind: &str, id: Option<&str>| id.map(|id| format!(" == {kind}::\"{id}\"")).unwrap_or_default();
        let principal = is("U", self.principal.map(|n| PRINCIPALS[n]));
        let action = is("Action", self.action.map(|n| ACTIONS[n]));
        let condition = match self.condition {
            Condition::None => "",
            Condition::Never => " when { false }",
            Condition::Number => " when { (principal.n + 1) > 0 }",
        };
        format!("{effect}(principal{principal}, action{action}, resource){condition};")
    }

    /// The canonical JSON, with members in the order of their names.
    fn json(&self, id: Option<&str>) -> String {
        let is = |kind: &str, id: Option<&str>| match id {
            Some(id) => format!(r#"{{"entity":{{"id":"{id}","type":"{kind}"}},"op":"=="}}"#),
            None => r#"{"op":"All"}"#.to_owned(),
        };
        let action = is("Action", self.action.map(|n| ACTIONS[n]));
        let annotations = id.map(|id| format!(r#""annotations":{{"id":"{id}"}},"#)).unwrap_or_default();
        let body = match self.condition {
            Condition::None => "",
            Condition::Never => r#"{"body":{"Value":false},"kind":"when"}"#,
            Condition::Number => concat!(
                r#"{"body":{">":{"left":{"+":{"left":{".":{"attr":"n","left":{"Var":"principal"}}},"#,
                r#""right":{"Value":1}}},"right":{"Value":0}}},"kind":"when"}"#
            ),
        };
        let effect = if self.permit { "permit" } else { "forbid" };
        let principal = is("U", self.principal.map(|n| PRINCIPALS[n]));
        format!(
            r#"{{"action":{action},{annotations}"conditions":[{body}],"effect":"{effect}","principal":{principal},"resource":{{"op":"All"}}}}"#
        )
    }
}

/// A policy as input.
#[derive(Clone, Debug)]
pub struct Draft {
    pub json: bool,
    pub source: String,
    pub holds: Result<Content, &'static str>,
}

/// The expected version of a valid draft.
#[derive(Clone, Debug)]
pub struct Content {
    pub statements: Vec<Statement>,
    pub text: String,
    pub json: String,
}

impl Draft {
    /// A text, with characters between its statements that must not change.
    pub fn text(statements: Vec<Statement>, verbose: bool) -> Self {
        let (between, end) = if verbose { ("\r\n\t// é\n", " ") } else { ("\n", "") };
        let text = statements.iter().map(Statement::text).collect::<Vec<_>>().join(between) + end;
        let json = policy_set(&statements, |_| None);
        Self { json: false, source: text.clone(), holds: Ok(Content { statements, text, json }) }
    }

    /// JSON, with keys as Cedar generates them or with others.
    pub fn json(statements: Vec<Statement>, own_keys: bool) -> Self {
        let key = |n: usize| if own_keys { format!("rule{n}") } else { format!("policy{n}") };
        let own = |n: usize| own_keys.then(|| key(n));
        let members: Vec<_> =
            statements.iter().enumerate().map(|(n, it)| format!("{:?} : {}", key(n), it.json(None))).collect();
        let source =
            format!(r#"{{"templates": {{}}, "templateLinks": [], "staticPolicies": {{{}}} }}"#, members.join(", "));
        let text = statements
            .iter()
            .enumerate()
            .map(|(n, statement)| own(n).map(|id| format!("@id(\"{id}\")\n")).unwrap_or_default() + &statement.text());
        let text = text.collect::<Vec<_>>().join("\n\n");
        let json = policy_set(&statements, own);
        Self { json: true, source, holds: Ok(Content { statements, text, json }) }
    }

    /// A policy that every schema refuses.
    pub fn bad(choice: u8) -> Self {
        let all = |members: &str, templates: &str, links: &str| {
            format!(r#"{{"staticPolicies":{{{members}}},"templates":{{{templates}}},"templateLinks":[{links}]}}"#)
        };
        let one = Statement::new(0).json(None);
        let named = Statement::new(0).json(Some("other"));
        let (json, source, code) = match choice % 13 {
            0 => (false, String::new(), "empty_policy"),
            1 => (false, "permit(principal, action, resource)".to_owned(), "syntax"),
            2 => (false, "permit(principal == ?principal, action, resource);".to_owned(), "template"),
            3 => (false, Statement::new(0).text() + &" ".repeat(65_536), "too_large"),
            4 => (false, format!("permit(principal, action, resource) when {{ {} }};", "(".repeat(64)), "too_deep"),
            5 => (true, "{}".to_owned(), "json"),
            6 => (true, all("", "", ""), "empty_policy"),
            7 => (true, all(&format!(r#""policy0":{one}"#), &format!(r#""t":{one}"#), ""), "template"),
            8 => (true, all(&format!(r#""policy0":{one}"#), "", "{}"), "template_links"),
            9 => (true, all(&format!(r#""mine":{named}"#), "", ""), "conflicting_id"),
            10 => (true, all(&format!(r#""policy0":{one},"policy0":{one}"#), "", ""), "json"),
            11 => (true, all(&format!(r#""policy0":{one}"#), "", "") + &" ".repeat(262_144), "too_large"),
            _ => (true, "[".repeat(121) + &"]".repeat(121), "too_deep"),
        };
        Self { json, source, holds: Err(code) }
    }
}

/// The JSON form in the store.
fn policy_set(statements: &[Statement], id: impl Fn(usize) -> Option<String>) -> String {
    let members: Vec<_> = statements
        .iter()
        .enumerate()
        .map(|(n, statement)| format!(r#""policy{n}":{}"#, statement.json(id(n).as_deref())))
        .collect();
    format!(r#"{{"staticPolicies":{{{}}},"templates":{{}},"templateLinks":[]}}"#, members.join(","))
}
