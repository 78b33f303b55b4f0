//! The control loop. (Skeleton.)
