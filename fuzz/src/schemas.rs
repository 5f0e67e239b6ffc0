//! What is owed by a schema that is published, in whichever form it was given.

use std::sync::LazyLock;

use policy_store::{
    ErrorKind, NewPolicy, NewPolicyVersion, NewSchema, PageRequest, PolicyStore, Result, SchemaVersion, Syntax,
    WriteTransaction,
};

use crate::{actor, give_up, store};

static STORE: LazyLock<PolicyStore> = LazyLock::new(|| {
    let store = store();
    store.write(&actor(), |w| w.create_zone("z")?.create_policy(NewPolicy::named("p").id("p")).map(drop)).unwrap();
    store
});

const POLICY: &str = "permit(principal, action, resource) unless { resource has a || context has b.c };";

fn new(name: &str, syntax: Syntax, source: &str) -> NewSchema {
    match syntax {
        Syntax::Cedar => NewSchema::cedar(name, source),
        Syntax::Json => NewSchema::json(name, source),
    }
}

fn source(schema: &SchemaVersion, syntax: Syntax) -> &str {
    let source = match syntax {
        Syntax::Cedar => &schema.cedar_schema,
        Syntax::Json => &schema.cedar_schema_json,
    };
    source.as_deref().unwrap()
}

/// Offers a schema. What is refused leaves nothing behind; what is accepted is read again byte for byte, and its other
/// form can be published and validates alike.
pub fn offer(syntax: Syntax, text: &str) {
    // Given up in the end, so that the store stays as it is.
    let outcome: Result<()> = STORE.write(&actor(), |w| {
        match w.publish_schema(new("s", syntax, text)) {
            Ok(published) => given_back(w, syntax, text, &published),
            Err(_) => assert!(not_there(w)),
        }
        Err(give_up())
    });
    assert_eq!(outcome.unwrap_err().code(), give_up().code());
    assert!(STORE.schemas(policy_store::Include::Both, &PageRequest::new()).unwrap().items.is_empty());
}

fn not_there(w: &WriteTransaction<'_, '_>) -> bool {
    w.schema("s", policy_store::Include::Both).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

fn given_back(w: &mut WriteTransaction<'_, '_>, syntax: Syntax, text: &str, published: &SchemaVersion) {
    let other_form = if syntax == Syntax::Cedar { Syntax::Json } else { Syntax::Cedar };
    assert_eq!(source(published, syntax), text);
    assert_eq!(&w.schema("s", policy_store::Include::Both).unwrap(), published);
    let other = w.publish_schema(new("t", other_form, source(published, other_form)));
    let other = other.unwrap_or_else(|error| panic!("{error}: {}", source(published, other_form)));
    assert_eq!(source(&other, other_form), source(published, other_form));
    let mut zone = w.zone("z").unwrap();
    let mut validated = |schema| zone.create_policy_version("p", NewPolicyVersion::cedar(schema, POLICY));
    let (by_one, by_other) = (validated("s"), validated("t"));
    match (by_one, by_other) {
        (Ok(one), Ok(other)) => assert_eq!(one.warnings, other.warnings),
        (Err(one), Err(other)) => assert_eq!(one.code(), other.code()),
        (one, other) => panic!("the forms differ: {one:?} {other:?}"),
    }
}
