//! Feature bits: the file is marked with the first entry that an older build must not overlook. The bit stays.

use super::file::format::add_feature;
use super::log_writer::LogWriter;
use crate::record::Body;
use crate::types::error::Result;

impl LogWriter<'_> {
    /// Marks the file if older builds must not open it with an entry of this body.
    pub(super) fn note_feature(&mut self, body: &Body) -> Result<()> {
        body.feature().map_or(Ok(()), |feature| add_feature(self.tables, feature))
    }
}
