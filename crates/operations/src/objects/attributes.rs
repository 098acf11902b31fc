//! GetObjectAttributes.

use std::sync::Arc;

use catalog::Object;
use model::{Action, BucketName, Checksum, ObjectKey};

use crate::gate::only_version;
use crate::{Context, Error, Store};

/// A part, as attributes show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributesPart {
    /// Its place among the object's parts, from 1.
    pub number: u16,
    /// Length, in bytes.
    pub len: u64,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// An object's attributes.
#[derive(Debug, Clone)]
pub struct Attributes {
    /// The object.
    pub object: Arc<Object>,
    /// Its parts, if it is a multipart object.
    pub parts: Option<Vec<AttributesPart>>,
}

impl Store {
    /// Describes an object and its parts.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn object_attributes(
        &self,
        ctx: &Context,
        name: &BucketName,
        key: &ObjectKey,
        version: Option<&str>,
    ) -> Result<Attributes, Error> {
        let gated = self.gate_object(ctx, Action::GetObjectAttributes, name, key).await?;
        only_version(version)?;
        self.count_request(ctx, &gated.bucket);
        let object = gated.object.ok_or(Error::NoSuchKey)?;
        let manifest = self.manifest_of(Some(&object)).await?;
        let parts = manifest.map(|manifest| {
            let part = |(place, part): (usize, &catalog::ManifestPart)| AttributesPart {
                number: u16::try_from(place + 1).unwrap_or(u16::MAX),
                len: part.piece.map_or(0, |p| p.len),
                checksum: part.checksum.clone(),
            };
            manifest.value.0.iter().enumerate().map(part).collect()
        });
        Ok(Attributes { object: object.value, parts })
    }
}
