//! Reader and writer of OpenSceneGraph binary files (OSGB) as oblique photography delivers them.
