//! Opening a file that is not a store or cannot be opened fails at once, with path, kind and cause in the message.
//! Also, files next to a store: leftovers of a killed process, and a file that replaces an open store.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use policy_store::ErrorKind::{Invalid, Unavailable};
use policy_store::{Error, NewPolicy, NewPolicyVersion, PolicyStore, Result};

use super::support::{Clock, PERMIT, V1, World, customer, refused};

/// Opens on another thread, so that a hang fails the test.
fn open(path: &Path, create: bool) -> Result<PolicyStore> {
    let (done, opened) = mpsc::channel();
    let path = path.to_owned();
    std::thread::spawn(move || done.send(PolicyStore::builder().create(create).open(path)));
    opened.recv_timeout(Duration::from_secs(60)).expect("opening hangs")
}

/// Expects both modes to fail with the path and the reason in the message, and to create nothing.
fn is_refused(path: &Path, kind_and_code: (policy_store::ErrorKind, &str), reason: &str) {
    for create in [true, false] {
        let error = refused(open(path, create), kind_and_code, reason);
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        tells_once(&error);
    }
}

/// No part of the message is repeated in the chain of sources.
fn tells_once(error: &Error) {
    let message = error.to_string().to_lowercase();
    let mut next = error.source();
    while let Some(source) = next {
        assert!(!message.contains(&source.to_string().to_lowercase()), "`{source}` is in `{message}`");
        next = source.source();
    }
}

#[test]
fn a_directory_an_empty_file_and_a_file_of_something_else_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let named = |name: &str| folder.path().join(name);
    std::fs::write(named("empty"), b"").unwrap();
    std::fs::write(named("text"), b"permit(principal, action, resource);").unwrap();
    std::fs::create_dir(named("dir")).unwrap();
    for (name, reason) in [("empty", "it is empty"), ("text", "it is not a redb file"), ("dir", "it is a directory")] {
        is_refused(&named(name), (Invalid, "not_a_store"), reason);
    }
    assert_eq!(std::fs::read(named("empty")).unwrap(), b"");
}

#[cfg(unix)]
#[test]
fn a_fifo_a_socket_a_device_and_links_to_them_are_refused_at_once() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let named = |name: &str| folder.path().join(name);
    let _socket = std::os::unix::net::UnixListener::bind(named("socket")).unwrap();
    let mut kinds = vec![
        (named("socket"), "it is a socket"),
        (PathBuf::from("/dev/null"), "it is a character device"),
        (PathBuf::from("/dev/zero"), "it is a character device"),
    ];
    match std::process::Command::new("mkfifo").arg(named("fifo")).status() {
        Ok(status) if status.success() => kinds.push((named("fifo"), "it is a FIFO")),
        other => eprintln!("without a FIFO, as `mkfifo` does not work here: {other:?}"),
    }
    for (number, (path, reason)) in kinds.into_iter().enumerate() {
        is_refused(&path, (Invalid, "not_a_store"), reason);
        let link = named(&format!("link{number}"));
        symlink(&path, &link).unwrap();
        is_refused(&link, (Invalid, "not_a_store"), reason);
    }
    symlink(named("nothing"), named("dangling")).unwrap();
    is_refused(&named("dangling"), (Invalid, "not_a_store"), "a symbolic link to a file that does not exist");
    assert!(!named("nothing").exists());
    symlink(named("circle"), named("circle")).unwrap();
    is_refused(&named("circle"), (Unavailable, "storage"), "cannot open");
}

#[test]
fn a_missing_directory_is_told_in_the_message() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let reason = format!("the directory `{}` does not exist", missing.display());
    is_refused(&missing.join("store.redb"), (Unavailable, "storage"), &reason);
    let error = open(&missing.join("store.redb"), true).unwrap_err();
    assert!(error.to_string().starts_with("cannot create `"), "{error}");
    assert!(error.source().is_some());
    let absent = open(&folder.path().join("store.redb"), false);
    refused(absent, (Unavailable, "storage"), "store.redb`: the file does not exist");
    std::fs::write(folder.path().join("file"), b"x").unwrap();
    is_refused(&folder.path().join("file/store.redb"), (Unavailable, "storage"), "is not a directory");
}

/// The environment variable with the file that the second process opens.
const CHILD: &str = "POLICY_STORE_OPENING_CHILD";

/// The output of another process that opens `path`. It drops superuser rights, because those open every file.
#[cfg(unix)]
fn said_without_rights(binary: &Path, path: &Path) -> Option<String> {
    let run = |command: &mut std::process::Command| {
        let arguments = ["--exact", "suite::opening::what_a_process_without_rights_says", "--nocapture"];
        let output = command.args(arguments).env(CHILD, path).output().ok()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.lines().find_map(|line| line.split_once("said ")).map(|(_, said)| said.to_owned())
    };
    let mut setpriv = std::process::Command::new("setpriv");
    let dropped = run(setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary));
    dropped.or_else(|| run(&mut std::process::Command::new(binary)))
}

#[test]
fn what_a_process_without_rights_says() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    match PolicyStore::open(path) {
        Ok(_) => println!("said opened"),
        Err(error) => println!("said {} {error}", error.code()),
    }
}

#[cfg(unix)]
#[test]
fn a_file_or_directory_without_permission_is_told_in_the_message() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(folder.path(), 0o755);
    let store = folder.path().join("store.redb");
    drop(PolicyStore::open(&store).unwrap());
    for (name, path, bits) in [
        ("unreadable", store.clone(), 0o000),
        ("read-only", store.clone(), 0o444),
        ("in a read-only directory", folder.path().join("new.redb"), 0o600),
    ] {
        mode(&store, bits);
        let binary = folder.path().join("test-binary");
        std::fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
        mode(folder.path(), 0o555);
        match said_without_rights(&binary, &path) {
            Some(said) if said == "opened" => eprintln!("{name}: not tried, as the superuser's rights stay"),
            Some(said) => {
                assert!(said.starts_with("storage cannot "), "{name}: {said}");
                assert!(said.contains(&path.display().to_string()), "{name}: {said}");
                assert!(said.ends_with("permission denied"), "{name}: {said}");
            }
            None => eprintln!("{name}: not tried, as the test's own binary cannot be run by another user"),
        }
        mode(folder.path(), 0o755);
    }
}

#[cfg(unix)]
#[test]
fn a_store_whose_file_was_deleted_or_replaced_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let (path, aside) = (folder.path().join("a.redb"), folder.path().join("b.redb"));
    let world = World::with(Clock::new().builder().open(&path).unwrap(), Clock::new());
    let write = || world.write(|zone| zone.create_policy(NewPolicy::named("p")));
    write().unwrap();
    let length = world.history().len();
    std::fs::rename(&path, &aside).unwrap();
    let error = refused(write(), (Unavailable, "file_replaced"), "a.redb");
    assert!(error.to_string().contains("deleted or renamed"), "{error}");
    refused(world.store.rebuild_indexes(), (Unavailable, "file_replaced"), "a.redb");
    std::fs::copy(&aside, &path).unwrap();
    let error = refused(write(), (Unavailable, "file_replaced"), "a.redb");
    assert!(error.to_string().contains("another file replaced the store's file"), "{error}");
    assert_eq!(world.history().len(), length, "reads go on, and nothing was written");
    // Also in the middle of a write.
    std::fs::rename(&aside, &path).unwrap();
    let within = world.write(|zone| {
        zone.create_policy(NewPolicy::named("q"))?;
        std::fs::rename(&path, &aside).unwrap();
        Ok(())
    });
    refused(within, (Unavailable, "file_replaced"), "a.redb");
    std::fs::rename(&aside, &path).unwrap();
    assert_eq!(world.history().len(), length);
    write().unwrap();
    assert_eq!(world.history().len(), length + 1);
}

#[test]
fn what_a_killed_process_has_left_beside_a_store_is_removed_at_the_next_opening() {
    let folder = tempfile::tempdir().unwrap();
    let named = |name: &str| folder.path().join(name);
    let path = named("store.redb");
    let others =
        [".policy-store-abc.new", ".policy-store-abcdef.old", "policy-store-abcdef.new", ".policy-store-a-b.c.new"];
    for name in others {
        std::fs::write(named(name), b"not ours").unwrap();
    }
    std::fs::create_dir(named(".policy-store-direct.new")).unwrap();
    for round in 0..2 {
        std::fs::write(named(".policy-store-aB3dEf.new"), b"half a store").unwrap();
        std::fs::write(named(".policy-store-000000.new"), b"").unwrap();
        // A file that is being created now.
        let made = std::fs::File::create(named(".policy-store-making.new")).unwrap();
        made.lock().unwrap();
        drop(open(&path, round == 0).unwrap());
        assert!(!named(".policy-store-aB3dEf.new").exists() && !named(".policy-store-000000.new").exists());
        assert!(named(".policy-store-making.new").exists());
        drop(made);
        drop(open(&path, false).unwrap());
        assert!(!named(".policy-store-making.new").exists());
    }
    for name in others {
        assert!(named(name).exists(), "{name}");
    }
    assert!(named(".policy-store-direct.new").exists());
}

#[test]
fn a_zone_that_was_written_under_a_clock_far_ahead_tells_the_way_out() {
    use super::support::{HOUR, START};
    let clock = Clock::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.redb");
    let world = World::with(clock.builder().open(&path).unwrap(), clock.clone());
    clock.stop();
    clock.set(START + 1_000 * HOUR);
    world.write(|zone| zone.create_policy(NewPolicy::named("late"))).unwrap();
    clock.set(START);
    let error = world.write(|zone| zone.create_policy(NewPolicy::named("p"))).unwrap_err();
    let tolerance = 1_000 * 60 * 60;
    let way_out = format!("open the store with a `clock_tolerance` of at least {tolerance} seconds");
    refused(Err::<(), _>(error), (Unavailable, "clock_behind"), &way_out);
    drop(world);
    let builder = clock.builder().clock_tolerance(Duration::from_secs(tolerance));
    let store = builder.open(&path).unwrap();
    store.write(&customer("alice"), |w| w.zone("acme")?.create_policy(NewPolicy::named("p")).map(drop)).unwrap();
}

/// The storage engine doubles a full file. What it has not used goes when the store is closed.
#[test]
fn a_closed_file_has_no_room_that_it_only_grew_ahead() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::new());
    let path = folder.path().join("store.redb");
    let world = World::with(clock.builder().open(&path).unwrap(), clock.clone());
    let length = || std::fs::metadata(&path).unwrap().len();
    // Text that no compression makes smaller.
    let mut state = 1_u64;
    let mut text = || -> String {
        let digits = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from_digit(u32::try_from(state >> 60).unwrap(), 16).unwrap()
        });
        format!("// {}\n{PERMIT}", digits.take(60_000).collect::<String>())
    };
    world
        .write(|zone| {
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            (0..150).try_for_each(|_| zone.create_policy_version("p", NewPolicyVersion::cedar(V1, text())).map(drop))
        })
        .unwrap();
    let open = length();
    drop(world);
    assert!(length() < open * 4 / 5, "{} of {open} bytes", length());
    let world = World::resumed(clock.builder().open(&path).unwrap(), clock.clone());
    assert!(world.store.verify().unwrap().is_clean());
    // It grows and is closed again.
    world.write(|zone| zone.create_policy(NewPolicy::named("q"))).unwrap();
    drop(world);
    assert!(clock.builder().open(&path).unwrap().verify().unwrap().is_clean());
}
