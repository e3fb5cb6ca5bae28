//! Server-sent events, read from bytes within limits (WHATWG HTML, section "Server-sent events").

use crate::error::Error;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Its type; empty if it names none.
    pub(super) name: String,
    pub(super) data: String,
    /// The name of the state after the event.
    pub(super) id: Option<String>,
}

/// Reads events from bytes that are cut anywhere.
#[derive(Debug)]
pub(super) struct Reader {
    /// The bytes of a line that has not ended.
    line: Vec<u8>,
    event: Event,
    has_fields: bool,
    /// The number of bytes of the event so far.
    size: usize,
    limit: usize,
    /// Whether the last byte was a carriage return; a line feed behind it does not end another line.
    after_return: bool,
    is_first_line: bool,
}

impl Reader {
    /// Returns a reader of events of at most `limit` bytes each.
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            event: Event {
                name: String::new(),
                data: String::new(),
                id: None,
            },
            has_fields: false,
            size: 0,
            limit,
            after_return: false,
            is_first_line: true,
        }
    }

    /// Reads the next bytes and adds every event that ends in them to `events`.
    ///
    /// # Errors
    /// If an event is too large or not UTF-8.
    pub(super) fn read(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Error> {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
            self.size += line.len();
            if self.size > self.limit {
                return Err(Error::TooLarge { limit: self.limit });
            }
            self.line.extend_from_slice(line);
            if end.is_some() {
                self.after_return = after.first() == Some(&b'\r');
                events.extend(self.end_of_line()?);
            }
            rest = after.get(1..).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads the line that has ended. An empty line ends an event, which is returned.
    fn end_of_line(&mut self) -> Result<Option<Event>, Error> {
        let line = String::from_utf8(std::mem::take(&mut self.line)).map_err(|error| {
            Error::Unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error()))
        })?;
        let is_first = std::mem::take(&mut self.is_first_line);
        let line = line.strip_prefix('\u{feff}').filter(|_| is_first).unwrap_or(&line);
        if line.is_empty() {
            self.size = 0;
            let event = std::mem::take(&mut self.event);
            return Ok(std::mem::take(&mut self.has_fields).then_some(event));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            // Comments, fields of later versions, and `retry`: the client has pauses of its own.
            _ => return Ok(None),
        }
        self.has_fields = true;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(chunks: &[&[u8]]) -> Vec<Event> {
        let (mut reader, mut events) = (Reader::new(100), Vec::new());
        for chunk in chunks {
            reader.read(chunk, &mut events).unwrap();
        }
        events
    }

    fn event(name: &str, data: &str, id: Option<&str>) -> Event {
        Event {
            name: name.to_owned(),
            data: data.to_owned(),
            id: id.map(str::to_owned),
        }
    }

    #[test]
    fn events_are_read_whatever_ends_their_lines() {
        let wanted = [event("added", "one\ntwo", Some("s1")), event("alive", "{}", None)];
        let text = "\u{feff}retry: 3000\n\n: a comment\nevent: added\ndata: one\ndata:two\nid: s1\n\nevent: alive\ndata: {}\n\n";
        assert_eq!(read(&[text.as_bytes()]), wanted);
        assert_eq!(read(&[text.replace('\n', "\r\n").as_bytes()]), wanted);
        assert_eq!(read(&[text.replace('\n', "\r").as_bytes()]), wanted);
    }

    #[test]
    fn an_event_without_its_last_line_is_no_event() {
        assert_eq!(read(&[b"event: removed\ndata: {}\nid: s2\n"]), []);
        assert_eq!(read(&[b"\n\n\n: only a comment\n\n"]), []);
    }

    #[test]
    fn an_event_without_end_and_one_that_is_no_text_are_refused() {
        let mut reader = Reader::new(100);
        let mut events = Vec::new();
        let refused = (0..20)
            .map(|_| reader.read(b"data: aaaa\n", &mut events))
            .find(Result::is_err);
        assert!(
            matches!(refused, Some(Err(Error::TooLarge { limit: 100 }))),
            "{refused:?}"
        );
        let refused = Reader::new(100).read(b"data: \xff\n", &mut events);
        assert!(matches!(refused, Err(Error::Unreadable(_))), "{refused:?}");
        assert_eq!(events, []);
    }

    proptest! {
        #[test]
        fn the_place_of_a_cut_makes_no_difference(
            text in "(event: [ab]|data: [a-c]{0,9}|id: [0-9]|:|\r\n|\n|\r){0,30}",
            cuts in proptest::collection::vec(0..60_usize, 0..6),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let mut whole = Vec::new();
            if Reader::new(1000).read(bytes, &mut whole).is_ok() {
                let (mut reader, mut events) = (Reader::new(1000), Vec::new());
                for chunk in chunks {
                    reader.read(chunk, &mut events).unwrap();
                }
                prop_assert_eq!(events, whole);
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Reader::new(64).read(&bytes, &mut Vec::new());
        }
    }
}
