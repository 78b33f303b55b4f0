//! What one file says, and how far it has been read: what the reader of each format fills.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use crate::{
    place::PlaceId,
    ranges::{Ascending, NotAscending},
};

/// What one file says.
#[derive(Default)]
pub(crate) struct Layer {
    pub(crate) v4: Ascending<u32>,
    pub(crate) v6: Ascending<u128>,
}

impl Layer {
    /// `first..=last` is at `place`. A range of IPv4-mapped IPv6 addresses is one of IPv4 addresses. The two are of one
    /// family, and each family comes in ascending order.
    pub(crate) fn put(&mut self, first: IpAddr, last: IpAddr, place: PlaceId) -> Result<(), NotAscending> {
        match (first.to_canonical(), last.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => self.v4.put(first.into(), last.into(), place),
            _ => self.v6.put(number(first), number(last), place),
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

/// What loading is doing, for a progress line.
#[derive(Clone, Debug)]
pub struct Loading {
    /// The file being read.
    pub file: PathBuf,
    /// Ranges read from it so far.
    pub ranges: usize,
}

/// Counts what is read from a file, and tells of it now and then.
pub(crate) struct Progress<'a> {
    loading: Loading,
    tell: &'a mut dyn FnMut(&Loading),
}

impl<'a> Progress<'a> {
    pub(crate) fn new(file: &Path, tell: &'a mut dyn FnMut(&Loading)) -> Self {
        Self { loading: Loading { file: file.into(), ranges: 0 }, tell }
    }

    /// One more range is read. Told every 65,536: some milliseconds.
    pub(crate) fn range(&mut self) {
        self.loading.ranges += 1;
        if self.loading.ranges.is_multiple_of(1 << 16) {
            (self.tell)(&self.loading);
        }
    }

    /// The file is read: tells of all its ranges.
    pub(crate) fn finish(self) {
        (self.tell)(&self.loading);
    }
}
