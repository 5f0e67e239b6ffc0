//! The sample for decisions: statements with every kind of scope, entities in a hierarchy, requests.

use cedar_policy::Decision;

pub const SCHEMA: &str = r#"
    entity Team in [Team];
    entity User in [Team] { level: Long };
    entity Service in [Team];
    entity Folder in [Folder];
    entity Doc in [Folder] { owner: User, sealed: Bool };
    entity Image in [Folder] { owner: User, sealed: Bool };
    action read;
    action view, list in [read] appliesTo {
        principal: [User, Service], resource: [Doc, Image], context: { mfa: Bool, hour: Long } };
    action edit, share, remove appliesTo { principal: User, resource: [Doc, Image], context: { mfa: Bool, hour: Long } };
"#;

/// The kind of scopes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scopes {
    /// As in a real set: most scopes name an entity, some a group or a type, and a few have no constraint.
    Varied,
    /// No scope has a constraint; conditions replace them. The worst case for an index of scopes.
    None,
}

/// The `n`th statement. The first ten match the principals of the requests. Most others do not.
pub fn statement(scopes: Scopes, n: usize) -> String {
    match scopes {
        Scopes::Varied => varied(n),
        Scopes::None => unconstrained(n),
    }
}

fn varied(n: usize) -> String {
    let read = r#"action in Action::"read""#;
    let change = r#"action in [Action::"edit", Action::"share"]"#;
    let edit = r#"action == Action::"edit""#;
    match n % 20 {
        0 => format!(r#"permit (principal in Team::"t{n}", {read}, resource in Folder::"f{n}");"#),
        1 => format!(r#"permit (principal == User::"u{n}", {change}, resource == Doc::"d{n}");"#),
        2 => format!(r#"permit (principal, {edit}, resource in Folder::"f{n}") when {{ context.mfa }};"#),
        3 => format!(r#"forbid (principal in Team::"t{n}", action, resource) when {{ context.hour > 20 }};"#),
        4 => format!(r#"permit (principal is User in Team::"t{n}", {read}, resource is Doc in Folder::"f{n}");"#),
        5 => format!(r#"permit (principal == User::"u{n}", action, resource) when {{ resource.owner == principal }};"#),
        6 => format!(r#"permit (principal is Service, action == Action::"list", resource in Folder::"f{n}");"#),
        7 => format!(r#"forbid (principal, action == Action::"remove", resource == Image::"i{n}");"#),
        8 => format!(r#"permit (principal == Service::"s{n}", {read}, resource is Image);"#),
        9 if n == 9 => "forbid (principal, action, resource) when { resource.sealed };".to_owned(),
        9 => format!(r#"permit (principal in Team::"t{n}", {edit}, resource) when {{ principal.level > {} }};"#, n % 7),
        10 | 11 => format!(r#"permit (principal in Team::"t{n}", {read}, resource == Doc::"d{n}");"#),
        12 | 13 => format!(r#"permit (principal == User::"u{n}", {read}, resource in Folder::"f{n}");"#),
        14 | 15 => format!(r#"permit (principal in Team::"t{n}", {change}, resource in Folder::"f{n}");"#),
        16 | 17 => format!(r#"permit (principal is User in Team::"t{n}", action, resource) when {{ context.mfa }};"#),
        18 => format!(r#"forbid (principal == User::"u{n}", {change}, resource) unless {{ context.mfa }};"#),
        _ if n % 100 == 19 => format!("forbid (principal, action, resource) when {{ context.hour > 23 + {} }};", n % 7),
        _ => format!(r#"permit (principal in Team::"t{n}", action, resource is Doc in Folder::"f{n}");"#),
    }
}

fn unconstrained(n: usize) -> String {
    let effect = if n % 5 == 3 { "forbid" } else { "permit" };
    let condition = if n % 5 == 3 { "context.hour > 20" } else { "!resource.sealed" };
    format!(
        r#"{effect} (principal, action, resource) when {{ principal in Team::"t{n}" && {condition} }} unless {{ context.hour == {} }};"#,
        24 + n % 7
    )
}

/// A request (principal, action, resource, context), the expected decision, and whether a statement determines it.
pub struct Case {
    pub request: [&'static str; 4],
    pub decision: Decision,
    pub determined: bool,
}

pub const CASES: [Case; 3] = [
    Case {
        request: [r#"User::"ann""#, r#"Action::"view""#, r#"Doc::"plan""#, r#"{ "mfa": true, "hour": 9 }"#],
        decision: Decision::Allow,
        determined: true,
    },
    Case {
        request: [r#"User::"ann""#, r#"Action::"edit""#, r#"Doc::"plan""#, r#"{ "mfa": true, "hour": 22 }"#],
        decision: Decision::Deny,
        determined: true,
    },
    Case {
        request: [r#"User::"eve""#, r#"Action::"share""#, r#"Doc::"plan""#, r#"{ "mfa": false, "hour": 9 }"#],
        decision: Decision::Deny,
        determined: false,
    },
];

/// Ann is in three teams, which are in other teams. Eve is in a team that no statement names. The plan is in three
/// nested folders.
pub const ENTITIES: &str = r#"[
    { "uid": { "type": "User", "id": "ann" }, "attrs": { "level": 3 },
      "parents": [{ "type": "Team", "id": "t0" }, { "type": "Team", "id": "t3" }, { "type": "Team", "id": "reviewers" }] },
    { "uid": { "type": "User", "id": "eve" }, "attrs": { "level": 1 }, "parents": [{ "type": "Team", "id": "guests" }] },
    { "uid": { "type": "Team", "id": "t0" }, "attrs": {}, "parents": [{ "type": "Team", "id": "staff" }] },
    { "uid": { "type": "Team", "id": "t3" }, "attrs": {}, "parents": [{ "type": "Team", "id": "staff" }] },
    { "uid": { "type": "Team", "id": "reviewers" }, "attrs": {}, "parents": [{ "type": "Team", "id": "t110" }] },
    { "uid": { "type": "Team", "id": "t110" }, "attrs": {}, "parents": [] },
    { "uid": { "type": "Team", "id": "staff" }, "attrs": {}, "parents": [] },
    { "uid": { "type": "Team", "id": "guests" }, "attrs": {}, "parents": [] },
    { "uid": { "type": "Doc", "id": "plan" }, "parents": [{ "type": "Folder", "id": "f0" }],
      "attrs": { "owner": { "__entity": { "type": "User", "id": "bob" } }, "sealed": false } },
    { "uid": { "type": "Folder", "id": "f0" }, "attrs": {}, "parents": [{ "type": "Folder", "id": "f80" }] },
    { "uid": { "type": "Folder", "id": "f80" }, "attrs": {}, "parents": [{ "type": "Folder", "id": "root" }] },
    { "uid": { "type": "Folder", "id": "root" }, "attrs": {}, "parents": [] }
]"#;
