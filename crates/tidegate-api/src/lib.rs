//! The published contract: kinds, labels, annotations, pod template hash.
