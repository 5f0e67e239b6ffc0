//! The story: starts the processes, and checks each step.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use policy_store::Timestamp;

use crate::Result;
use crate::child::{Child, since};
use crate::doors::{BERLIN, LISBON};
use crate::follower::{MAX_AGE, Told};

/// The folders and files of the story.
struct Places {
    bucket: PathBuf,
    old: PathBuf,
    newest: PathBuf,
    writer: PathBuf,
    north: PathBuf,
    south: PathBuf,
}

/// Tells the story from its beginning to its end, in a folder that is removed afterwards.
pub fn tell() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = |name: &str| folder.path().join(name);
    let places = Places {
        bucket: place("bucket"),
        old: place("old copy"),
        newest: place("newest"),
        writer: place("writer.redb"),
        north: place("north.redb"),
        south: place("south.redb"),
    };
    fs::create_dir(&places.bucket)?;

    let mut writer = Child::start("writer", &["writer"], &places.bucket, &places.writer)?;
    let mut north = Child::start("north", &["follower"], &places.bucket, &places.north)?;
    let mut south = start_south(&places)?;

    println!("1. The writer puts version 1 in force: Ana opens doors, Bruno does not");
    put(&mut writer, 1, &mut [("north", &mut north), ("south", &mut south)], "deny")?;
    follow_chosen_zones(&mut north, &mut south)?;
    copy(&places.bucket, &places.old)?;

    println!("\n2. The writer puts version 2 in force: Bruno opens doors too");
    put(&mut writer, 2, &mut [("north", &mut north), ("south", &mut south)], "allow")?;
    let receipt = south.told()?.receipt;
    expect("a replay at the writer", &writer.ask(&receipt)?, "allow")?;
    println!("   a receipt of south, replayed at the writer: allow");

    println!("\n3. The writer is killed");
    writer.kill()?;
    goes_on("north", &mut north)?;
    goes_on("south", &mut south)?;

    println!("\n4. An old copy of the bucket is put back");
    fs::rename(&places.bucket, &places.newest)?;
    copy(&places.old, &places.bucket)?;
    // The bucket was absent for a moment. The followers look again meanwhile.
    std::thread::sleep(Duration::from_millis(200));
    refuses("north", &mut north)?;
    refuses("south", &mut south)?;
    south.kill()?;
    let mut south = start_south(&places)?;
    refuses("south, restarted,", &mut south)?;

    println!("\n5. The newest bucket is put back, and north's file becomes the writer's");
    fs::remove_dir_all(&places.bucket)?;
    fs::rename(&places.newest, &places.bucket)?;
    north.kill()?;
    let mut writer = Child::start("writer", &["writer", "resume"], &places.bucket, &places.north)?;
    expect("a replay at the new writer", &writer.ask(&receipt)?, "allow")?;
    println!("   the receipt of south, replayed at the new writer: allow");
    println!("   the new writer puts version 3 in force: Bruno opens no doors");
    put(&mut writer, 3, &mut [("south", &mut south)], "deny")
}

/// It keeps its file, and follows one zone.
fn start_south(places: &Places) -> Result<Child> {
    Child::start("south", &["follower", BERLIN], &places.bucket, &places.south)
}

/// Puts a version in force. The followers decide by it, soon after.
fn put(writer: &mut Child, version: u32, followers: &mut [(&str, &mut Child)], decision: &str) -> Result<()> {
    expect("the answer of the writer", &writer.ask(&format!("put {version}"))?, "in force")?;
    let committed = Timestamp::now();
    for (name, follower) in followers {
        follower.until(&format!("{decision} and fresh"), |told| told.berlin == decision && told.poll == "fresh")?;
        println!("   {name} decides by it: {decision}, after {} ms", since(committed).as_millis());
    }
    Ok(())
}

/// North has all zones, south the one that it chose.
fn follow_chosen_zones(north: &mut Child, south: &mut Child) -> Result<()> {
    let (north, south) = (north.told()?.lisbon, south.told()?.lisbon);
    expect("north's decision in Lisbon", &north, "deny")?;
    expect("south's decision in Lisbon", &south, "zone_not_held")?;
    println!("   in zone {LISBON}, north decides too: {north}. South follows {BERLIN} alone: `{south}`");
    Ok(())
}

/// It decides by the newest rules, and tells that they grow old.
fn goes_on(name: &str, follower: &mut Child) -> Result<()> {
    let told = follower.until("frozen", |told| told.poll == "frozen")?;
    expect("the decision without a writer", &told.berlin, "allow")?;
    let (Some(age), Some(later)) = (told.age, follower.told()?.age) else { return Err("it tells no age".into()) };
    if age < MAX_AGE || later <= age {
        return Err(format!("{name}: the age is {age:?}, and then {later:?}").into());
    }
    println!("   {name} goes on deciding: allow. Its rules are {} ms old: `frozen`", age.as_millis());
    Ok(())
}

/// It refuses the bucket, and decides by the newest rules.
fn refuses(name: &str, follower: &mut Child) -> Result<()> {
    let Told { berlin, .. } = follower.until("rollback", |told| told.poll == "rollback")?;
    expect("the decision beside an old bucket", &berlin, "allow")?;
    println!("   {name} refuses it as `rollback`, and decides by version 2: {berlin}");
    Ok(())
}

fn expect(what: &str, found: &str, expected: &str) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what} is {found:?}, expected {expected:?}").into())
}

/// Copies a folder. A file that its writer removes meanwhile is left out.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for item in fs::read_dir(from)? {
        let item = item?;
        let (from, to) = (item.path(), to.join(item.file_name()));
        if item.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else if let Err(error) = fs::copy(&from, &to)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error.into());
        }
    }
    Ok(())
}
