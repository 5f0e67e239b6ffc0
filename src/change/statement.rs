//! Changes of statements between two texts of a policy, by content. Does not know versions.

use std::collections::BTreeMap;

use cedar_policy::Effect;
use serde::{Deserialize, Serialize};

use crate::cedar::{StatementText, statements};
use crate::types::error::Result;

/// A statement as a change shows it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedStatement {
    /// Its number in the policy's text, counted from 0.
    pub statement: u32,
    /// Its `@id` annotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Permit or forbid.
    pub effect: Effect,
    /// Its Cedar text, from its annotations to its `;`.
    pub text: String,
}

/// A change of one statement.
///
/// Statements are the same if Cedar reads the same from them, so layout, comments and order are no change. A statement that
/// keeps its `@id`, or that has none before and after and keeps its effect and scope, counts as changed; any other is removed and added.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum StatementChange {
    /// Only the newer text has the statement.
    Added {
        /// The statement.
        to: ChangedStatement,
    },
    /// Only the older text has the statement.
    Removed {
        /// The statement.
        from: ChangedStatement,
    },
    /// The statement has another content.
    Changed {
        /// In the older text.
        from: ChangedStatement,
        /// In the newer text.
        to: ChangedStatement,
    },
}

impl StatementChange {
    /// The number of the statement: in the newer text, or in the older one if it was removed.
    fn place(&self) -> (u32, bool) {
        match self {
            Self::Added { to } | Self::Changed { to, .. } => (to.statement, true),
            Self::Removed { from } => (from.statement, false),
        }
    }
}

/// A statement of a text that has no equal in the other one.
type Open<'a> = (u32, &'a StatementText);

/// The changes from one text to another, in the order of the statements. An absent text has no statements, and neither has an older
/// one that this build's Cedar does not parse any more: it must not stand in the way of its replacement.
pub(crate) fn changes(from: Option<&str>, to: Option<&str>) -> Result<Vec<StatementChange>> {
    let from = from.and_then(|text| statements(text).ok()).unwrap_or_default();
    let to = to.map_or(Ok(Vec::new()), statements)?;
    let (mut removed, mut added) = (numbered(&from), numbered(&to));
    let mut changes = Vec::new();
    take_pairs(&mut removed, &mut added, |statement| Some(statement.sha), |_, _| {});
    let mut changed = |from: Open<'_>, to: Open<'_>| {
        changes.push(StatementChange::Changed { from: shown(from), to: shown(to) });
    };
    take_pairs(&mut removed, &mut added, |statement| statement.id.clone(), &mut changed);
    // A statement that got an id, or another one, is not changed into a statement of the same scope that kept its own.
    let scope = |statement: &StatementText| Some(statement.scope).filter(|_| statement.id.is_none());
    take_pairs(&mut removed, &mut added, scope, &mut changed);
    changes.extend(removed.into_iter().map(|from| StatementChange::Removed { from: shown(from) }));
    changes.extend(added.into_iter().map(|to| StatementChange::Added { to: shown(to) }));
    changes.sort_by_key(StatementChange::place);
    Ok(changes)
}

fn numbered(statements: &[StatementText]) -> Vec<Open<'_>> {
    (0..).zip(statements).collect()
}

/// Takes the pairs with the same key out of both sides, each in order.
fn take_pairs<K: Ord>(
    from: &mut Vec<Open<'_>>,
    to: &mut Vec<Open<'_>>,
    key: impl Fn(&StatementText) -> Option<K>,
    mut paired: impl FnMut(Open<'_>, Open<'_>),
) {
    let mut wanted: BTreeMap<K, Vec<Open<'_>>> = BTreeMap::new();
    for open in from.iter().rev() {
        if let Some(key) = key(open.1) {
            wanted.entry(key).or_default().push(*open);
        }
    }
    let mut gone = std::collections::BTreeSet::new();
    to.retain(|open| {
        let Some(partner) = key(open.1).and_then(|key| wanted.get_mut(&key)?.pop()) else { return true };
        gone.insert(partner.0);
        paired(partner, *open);
        false
    });
    from.retain(|open| !gone.contains(&open.0));
}

fn shown((number, statement): Open<'_>) -> ChangedStatement {
    ChangedStatement {
        statement: number,
        id: statement.id.clone(),
        effect: statement.effect,
        text: statement.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERMIT: &str = "permit(principal, action, resource);";
    const FORBID: &str = "forbid(principal, action, resource);";

    /// The changes in short: `+` and the number of a new statement, `-` and that of a removed one, `old~new`.
    fn short(from: &str, to: &str) -> String {
        let short = |change: StatementChange| match change {
            StatementChange::Added { to } => format!("+{}", to.statement),
            StatementChange::Removed { from } => format!("-{}", from.statement),
            StatementChange::Changed { from, to } => format!("{}~{}", from.statement, to.statement),
        };
        let some = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        let (from, to) = (from.to_owned().leak(), to.to_owned().leak());
        changes(some(from), some(to)).unwrap().into_iter().map(short).collect::<Vec<_>>().join(" ")
    }

    fn when(condition: &str) -> String {
        format!("permit(principal, action, resource) when {{ {condition} }};")
    }

    #[test]
    fn layout_comments_and_order_are_no_change() {
        assert_eq!(short(&format!("{PERMIT}{FORBID}"), &format!("// new\n{FORBID}\n{PERMIT} // end")), "");
        assert_eq!(short(PERMIT, "permit ( principal , action , resource ) ;"), "");
        assert_eq!(short("", ""), "");
    }

    #[test]
    fn duplicates_count() {
        assert_eq!(short(PERMIT, &PERMIT.repeat(3)), "+1 +2");
        assert_eq!(short(&PERMIT.repeat(2), PERMIT), "-1");
    }

    #[test]
    fn a_statement_with_the_same_id_or_else_the_same_scope_is_changed() {
        assert_eq!(short(&when("true"), &when("false")), "0~0");
        let (old, new) = (format!("@id(\"x\"){PERMIT}"), format!("@id(\"x\"){FORBID}"));
        assert_eq!(short(&old, &format!("{PERMIT}{new}")), "+0 0~1");
        // Another id is another statement, even of the same scope.
        assert_eq!(short(&old, &format!("@id(\"y\"){PERMIT}")), "-0 +0");
        assert_eq!(short(PERMIT, FORBID), "-0 +0");
        assert_eq!(short("permit(principal, action, resource);", "permit(principal is U, action, resource);"), "-0 +0");
    }

    #[test]
    fn pairs_are_taken_in_order() {
        let text = |conditions: &[&str]| conditions.iter().map(|condition| when(condition)).collect::<String>();
        assert_eq!(short(&text(&["1 == 1", "2 == 2", "3 == 3"]), &text(&["4 == 4", "3 == 3", "5 == 5"])), "0~0 1~2");
    }

    #[test]
    fn an_absent_text_has_no_statements() {
        assert_eq!(short("", &format!("{PERMIT}{FORBID}")), "+0 +1");
        assert_eq!(short(&format!("{PERMIT}{FORBID}"), ""), "-0 -1");
        assert_eq!(short("permit(", PERMIT), "+0");
        assert_eq!(changes(None, Some("permit(")).unwrap_err().code(), "syntax");
    }
}
