//! Coordinate reference systems, local frames and Chinese map offsets.
