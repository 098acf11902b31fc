//! Whether a store did what it answered, once in each cell: what was stored is read back and compared.

use client::Method;

use super::cells::{Cell, MIB, PAGE, PART, PARTS, SMALL, What};
use super::requests::{BUCKET, GRANTED, Requests, number, read_key, read_number, written_key};
use crate::Outcome;
use crate::stores::Store;

/// Compares what a cell of the first round left, or what it reads.
pub(super) fn cell(store: &Store, requests: &Requests, cell: Cell) -> Outcome<()> {
    let written = || format!("{BUCKET}/{}", written_key(cell, 0, 0));
    match cell.what {
        What::Put(size) => same(store, requests, &written(), number(cell, 0, 0), size),
        What::Get(size) => {
            same(store, requests, &format!("{BUCKET}/{}", read_key(size, 0)), read_number(size, 0), size)
        }
        What::GetGranted => same(store, requests, &format!("{GRANTED}/{}", read_key(SMALL, 0)), 0, SMALL),
        What::Head => {
            let answer = store.door.ask(Method::HEAD, &format!("{BUCKET}/{}", read_key(SMALL, 0)))?;
            let length = answer.header("content-length");
            expect(length == Some(&SMALL.to_string()), &format!("HEAD tells a length of {length:?}"))
        }
        What::Delete => {
            // Nothing but success is an answer here; which failure it is, the text tells.
            let gone = store.door.ask(Method::GET, &written()).err().map(|error| error.to_string());
            expect(gone.is_some_and(|text| text.contains("404")), "what was deleted is still there")
        }
        What::List => {
            let listed = list(store, "prefix=flat%2F", "<Key>")?;
            expect(listed == PAGE, &format!("a page has {listed} keys"))
        }
        What::Prefixes => {
            let listed = list(store, "delimiter=%2F&prefix=tree%2F", "<CommonPrefixes>")?;
            expect(listed == PAGE, &format!("a page has {listed} common prefixes"))
        }
        What::Multipart => {
            // The last part, which ends where the object does.
            let answer = store.door.ask_part(&written(), (PARTS - 1) * PART, PART)?;
            let last = requests.is_body(number(cell, 0, PARTS as usize), PART, 0, &answer.body);
            expect(last && answer.body.len() as u64 == PART, "the object is not what its parts were")
        }
        What::Mixed => {
            let place = format!("{BUCKET}/{}", written_key(cell, 0, 1));
            // It may have been deleted by the load itself.
            store.door.ask(Method::GET, &place).map_or(Ok(()), |answer| {
                let size = super::cells::MIXED;
                expect(requests.is_body(number(cell, 0, 1), size, 0, &answer.body), "a body is not what was stored")
            })
        }
    }
}

/// The body is what was stored: all of it, or of a long one its two ends.
fn same(store: &Store, requests: &Requests, place: &str, number: u64, size: u64) -> Outcome<()> {
    let parts = if size <= 16 * MIB { vec![(0, size)] } else { vec![(0, MIB), (size - MIB, MIB)] };
    for (from, length) in parts {
        let answer = match length == size {
            true => store.door.ask(Method::GET, place)?,
            false => store.door.ask_part(place, from, length)?,
        };
        let is_whole = answer.body.len() as u64 == length;
        expect(is_whole && requests.is_body(number, size, from, &answer.body), "a body is not what was stored")?;
    }
    Ok(())
}

fn list(store: &Store, query: &str, element: &str) -> Outcome<usize> {
    let place = format!("{BUCKET}?list-type=2&max-keys={PAGE}&{query}");
    Ok(store.door.ask(Method::GET, &place)?.text().matches(element).count())
}

fn expect(holds: bool, what: &str) -> Outcome<()> {
    if holds { Ok(()) } else { Err(what.into()) }
}
