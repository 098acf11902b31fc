//! S3 from signed request to answer, on a store in memory.

mod buckets;
mod forms;
mod links;
mod objects;
mod policies;
mod reach;
mod shares;
mod tags;
mod uploads;
mod wire;
mod world;
