//! Reads in each layout, with all hashes checked.

use crate::*;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Want {
    Metadata,
    Text,
    Both,
}

impl Want {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata only",
            Self::Text => "with the text",
            Self::Both => "with both forms",
        }
    }
}

/// A decoded version, as a cache would keep it.
pub(crate) struct Version {
    pub(crate) policy: String,
    pub(crate) id: String,
    pub(crate) number: u32,
    pub(crate) text: Option<String>,
    pub(crate) json: Option<String>,
}

pub(crate) struct Reader {
    pub(crate) log: ReadTable,
    pub(crate) objects: ReadTable,
    pub(crate) index: ReadTable,
}

impl Reader {
    pub(crate) fn newest_of_zone(&self, log: u32, want: Want) -> Result<Vec<Version>> {
        let rows = self.log.range(&*log_key(log, 0)..=&*log_key(log, u64::MAX))?.rev().take(PAGE);
        rows.map(|row| self.decode(row?.1.value(), want)).collect()
    }

    pub(crate) fn newest_of_policy(&self, log: u32, policy: usize, want: Want) -> Result<Vec<Version>> {
        let policy = policy_id(log, policy);
        let range = self.index.range(&*number_key(log, &policy, 0)..=&*number_key(log, &policy, u32::MAX))?;
        let mut versions = Vec::with_capacity(PAGE);
        for row in range.rev().take(PAGE) {
            let (key, position) = row?;
            versions.push(self.follow(log, key.value(), position.value(), want)?);
        }
        Ok(versions)
    }

    pub(crate) fn point(&self, log: u32, policy: usize, number: u32, want: Want) -> Result<Version> {
        let key = number_key(log, &policy_id(log, policy), number);
        let row = self.index.get(&*key)?.ok_or("no such version")?;
        self.follow(log, &key, row.value(), want)
    }

    /// Reads the version that a row of the version index points to.
    pub(crate) fn follow(&self, log: u32, key: &[u8], mut row: &[u8], want: Want) -> Result<Version> {
        let position: [u8; 8] = take(&mut row)?;
        if row != check(key, &position)? {
            return Err("a damaged index row".into());
        }
        let row = self.log.get(&*log_key(log, u64::from_be_bytes(position)))?.ok_or("no such entry")?;
        self.decode(row.value(), want)
    }

    pub(crate) fn decode(&self, mut row: &[u8], want: Want) -> Result<Version> {
        let hash: [u8; 32] = take(&mut row)?;
        if *blake3::hash(row).as_bytes() != hash {
            return Err("a damaged entry".into());
        }
        take::<{ 8 + 32 + 66 }>(&mut row)?;
        let policy = string(&take::<36>(&mut row)?)?;
        let id = string(&take::<36>(&mut row)?)?;
        let number = u32::from_be_bytes(take(&mut row)?);
        let (text_address, json_address): ([u8; 32], [u8; 32]) = (take(&mut row)?, take(&mut row)?);
        let (inline_text, inline_json) = (take_form(&mut row)?, take_form(&mut row)?);
        let (mut text, mut json) = (None, None);
        if want != Want::Metadata && text_address == json_address {
            let object = self.objects.get(&text_address[..])?.ok_or("no such object")?;
            let mut both = verified(object.value(), TEXT_AND_JSON, &text_address)?;
            text = Some(string(take_form(&mut both)?)?);
            json = if want == Want::Both { Some(string(both)?) } else { None };
        } else if want != Want::Metadata {
            text = Some(self.syntax(inline_text, TEXT, &text_address)?);
            json = if want == Want::Both { Some(self.syntax(inline_json, JSON, &json_address)?) } else { None };
        }
        Ok(Version { policy, id, number, text, json })
    }

    /// Reads text or JSON. Inline content was verified with its entry.
    pub(crate) fn syntax(&self, inline: &[u8], kind: u8, address: &[u8; 32]) -> Result<String> {
        if !inline.is_empty() {
            return string(inline);
        }
        let object = self.objects.get(&address[..])?.ok_or("no such object")?;
        string(verified(object.value(), kind, address)?)
    }
}

pub(crate) fn verified<'a>(object: &'a [u8], kind: u8, expected: &[u8; 32]) -> Result<&'a [u8]> {
    match object.split_first() {
        Some((0, plain)) if address(kind, plain) == *expected => Ok(plain),
        _ => Err("a damaged object".into()),
    }
}

pub(crate) fn string(bytes: &[u8]) -> Result<String> {
    Ok(std::str::from_utf8(bytes)?.to_owned())
}

pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk().ok_or("too short")?;
    *bytes = rest;
    Ok(*taken)
}

pub(crate) fn take_form<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = usize::try_from(u32::from_be_bytes(take(bytes)?))?;
    let (syntax, rest) = bytes.split_at_checked(length).ok_or("too short")?;
    *bytes = rest;
    Ok(syntax)
}
