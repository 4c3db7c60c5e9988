//! Decides: snapshot and now in, plan out.
