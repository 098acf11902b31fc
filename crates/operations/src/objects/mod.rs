//! What can be done with an object.

mod attributes;
mod copy;
mod delete;
mod get;
mod put;

pub use attributes::{Attributes, AttributesPart};
pub(crate) use copy::FromBody;
pub use copy::{CopyObject, CopySource, Directive};
pub use delete::DeleteOutcome;
pub use get::{Found, GetObject, Wanted};
pub(crate) use put::freed;
pub use put::{Described, PutObject, Written};
