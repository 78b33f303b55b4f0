mod chain;
mod properties;
mod shares;
