//! Text as a test suite: refused, or run with the same report twice and on a small stack. A suite that
//! is joined with itself has its cases twice.
#![no_main]

use std::sync::LazyLock;

use policy_store::{TestReport, TestSuite};
use policy_store_fuzz::World;

const SCHEMA: &str =
    "entity G; entity U in [G] { n?: Long }; action a appliesTo { principal: U, resource: U, context: { b?: Bool } };";
const POLICY: &str = r#"
    @id("same") permit(principal, action, resource) when { principal == resource };
    permit(principal in G::"g", action, resource) when { context has b && context.b };
    @id("late") forbid(principal, action, resource) when { principal has n && principal.n + 1 > 7 };
"#;

/// So many statements that they are grouped by scope.
static WORLD: LazyLock<World> = LazyLock::new(|| {
    let more = (0..16).map(|n| format!("permit(principal == U::\"{n}\", action, resource);"));
    World::new(SCHEMA, &format!("{POLICY}{}", more.collect::<String>()))
});

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(suite) = TestSuite::from_json(text) else { return };
    assert_eq!(suite.as_json(), text);
    let run = |suite: &TestSuite| WORLD.authorizer.run_tests(suite).unwrap();
    let report = run(&suite);
    assert_eq!(report.cases, suite.len());
    assert_eq!(report.is_passed(), report.failures.is_empty());
    assert!(report.failures.iter().all(|failure| !failure.problems.is_empty() && failure.index < suite.len()));
    let small = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(256 * 1024);
        thread.spawn_scoped(scope, || run(&suite)).unwrap().join().unwrap()
    });
    assert_eq!(small, report);
    if let Ok(twice) = TestSuite::merged([&suite, &suite]) {
        assert_eq!(twice.len(), 2 * suite.len());
        let TestReport { failures, omitted, .. } = run(&twice);
        assert_eq!(failures.len() + omitted, 2 * report.failed());
    }
});
