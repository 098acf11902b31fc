//! S3 from signed request to answer, on a store in memory.

mod buckets;
mod objects;
mod reach;
mod uploads;
mod wire;
mod world;
