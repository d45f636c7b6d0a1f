//! What walls are made of (围护材料).

use crate::FireError;
use crate::error::{bad, check};
use serde::{Deserialize, Serialize};

/// Thermal properties of a wall, floor or ceiling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Material {
    /// Name.
    pub name: String,
    /// Conductivity (导热系数), W/(m K), 0.005 to 500.
    pub conductivity_wpmk: f64,
    /// Density, kg/m³, 1 to 25 000.
    pub density_kgpm3: f64,
    /// Specific heat, J/(kg K), 50 to 10 000.
    pub specific_heat_jpkgk: f64,
    /// Emissivity (发射率), 0 to 1.
    pub emissivity: f64,
}

/// Name, conductivity W/(m K), density kg/m³, specific heat J/(kg K), emissivity.
///
/// Sources: gypsum from the CFAST verification inputs (NIST, 5/8 in board); concrete, brick, insulation, glass, steel and
/// aluminium from NUREG-1805 (US NRC 2004), table 2-3; timber from the CFAST input `Ignition_Test` (hardwood); emissivity 0.9
/// throughout as in CFAST's default, 0.2 for bright aluminium.
const TABLE: &[(&str, f64, f64, f64, f64)] = &[
    ("concrete", 1.6, 2400.0, 750.0, 0.9),
    ("brick", 0.8, 2600.0, 800.0, 0.9),
    ("aerated concrete", 0.26, 500.0, 960.0, 0.9),
    ("gypsum", 0.16, 790.0, 900.0, 0.9),
    ("plywood", 0.12, 540.0, 2500.0, 0.9),
    ("hardwood", 0.16, 720.0, 1255.0, 0.9),
    ("fibre insulation board", 0.53, 240.0, 1250.0, 0.9),
    ("glass fibre insulation", 0.037, 60.0, 800.0, 0.9),
    ("glass", 0.76, 2710.0, 800.0, 0.9),
    ("steel", 54.0, 7850.0, 465.0, 0.9),
    ("aluminium", 206.0, 2710.0, 895.0, 0.2),
];

impl Material {
    /// A material of the built-in table.
    ///
    /// # Errors
    /// [`FireError::Item`] listing the known names.
    pub fn named(name: &str) -> Result<Self, FireError> {
        let row = TABLE.iter().find(|row| row.0 == name);
        let Some(&(name, conductivity_wpmk, density_kgpm3, specific_heat_jpkgk, emissivity)) = row else {
            return Err(bad("material", name, "name", name, Self::names().join(", ")));
        };
        Ok(Self { name: name.to_owned(), conductivity_wpmk, density_kgpm3, specific_heat_jpkgk, emissivity })
    }

    /// Names of the built-in table.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        TABLE.iter().map(|row| row.0).collect()
    }
}

/// A surface of a space: material, thickness, and what lies behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lining {
    /// Material.
    pub material: Material,
    /// Thickness, m, 0.0002 to 5.
    pub thickness_m: f64,
    /// Air temperature behind it, °C; `None`: the open air.
    #[serde(default)]
    pub back_c: Option<f64>,
}

impl Lining {
    /// A lining of a built-in material with the open air behind it.
    ///
    /// # Errors
    /// [`FireError::Item`] for an unknown name.
    pub fn named(material: &str, thickness_m: f64) -> Result<Self, FireError> {
        Ok(Self { material: Material::named(material)?, thickness_m, back_c: None })
    }

    pub(crate) fn check(&self, space: &str) -> Result<(), FireError> {
        let m = &self.material;
        check("material", &m.name, "conductivity_wpmk", m.conductivity_wpmk, 0.005, 500.0)?;
        check("material", &m.name, "density_kgpm3", m.density_kgpm3, 1.0, 25_000.0)?;
        check("material", &m.name, "specific_heat_jpkgk", m.specific_heat_jpkgk, 50.0, 10_000.0)?;
        check("material", &m.name, "emissivity", m.emissivity, 0.0, 1.0)?;
        check("space", space, "lining.thickness_m", self.thickness_m, 0.0002, 5.0)?;
        check("space", space, "lining.back_c", self.back_c.unwrap_or(0.0), -60.0, 200.0)
    }
}
