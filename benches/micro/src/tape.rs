//! What both sides of a conversation wrote, in order.

use crate::{Error, Scenario};
use bytes::Bytes;
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// A recorded conversation.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    /// Every write: by the client or not, and its length.
    pub(crate) writes: Vec<(bool, u32)>,
    /// The bytes of the client's writes, one after the other.
    pub(crate) client: Bytes,
    /// Those of the server's.
    pub(crate) server: Bytes,
}

/// Memory that a tape has, or a multiple of it. What is not used of it costs nothing.
const ROOM: u64 = 256 << 20;

/// The file of each connection's tape.
pub fn files(path: &Path, scenario: &Scenario) -> Vec<PathBuf> {
    let file = |connection| path.with_extension(format!("{connection}.tape"));
    (0..scenario.work.connections()).map(file).collect()
}

impl Tape {
    /// Writes it to a file.
    ///
    /// # Errors
    /// As [`fs::write`].
    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        let mut file = Vec::new();
        file.extend((self.writes.len() as u64).to_le_bytes());
        file.extend((self.client.len() as u64).to_le_bytes());
        for (client, len) in &self.writes {
            // A write is never longer than 2 GiB.
            file.extend((len << 1 | u32::from(*client)).to_le_bytes());
        }
        file.extend_from_slice(&self.client);
        file.extend_from_slice(&self.server);
        fs::write(path, file)
    }

    /// Reads it from a file.
    ///
    /// # Errors
    /// As [`fs::read`]; or the file is not a tape.
    pub fn load(path: &Path) -> Result<Tape, Error> {
        // As much room for a long tape as for a short one: the difference of their runs is what calls take.
        let mut room =
            Vec::with_capacity(fs::metadata(path)?.len().next_multiple_of(ROOM) as usize);
        fs::File::open(path)?.read_to_end(&mut room)?;
        let mut file = Bytes::from(room);
        let mut number = || -> Option<usize> {
            (file.len() >= 8).then(|| file.split_to(8))?[..]
                .try_into()
                .ok()
                .map(|bytes| u64::from_le_bytes(bytes) as usize)
        };
        let (count, client) = (number().ok_or("not a tape")?, number().ok_or("not a tape")?);
        if file.len() < count * 4 + client {
            return Err("the tape ends early".into());
        }
        let writes = file
            .split_to(count * 4)
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
            .map(|word| (word & 1 == 1, word >> 1))
            .collect();
        Ok(Tape {
            writes,
            client: file.split_to(client),
            server: file,
        })
    }

    /// Everything that the client (`true`) or the server wrote.
    pub fn written(&self, client: bool) -> &[u8] {
        if client { &self.client } else { &self.server }
    }
}
