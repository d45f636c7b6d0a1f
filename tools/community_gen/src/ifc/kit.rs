//! Building blocks of the model: placements, solids, property sets, relations.

use super::step::{Id, Step, guid, list, real, text};
use crate::geom::Pt;

/// The writer with the instances that everything shares.
pub struct Kit {
    /// The file.
    pub step: Step,
    /// Body context.
    pub body: Id,
    origin: Id,
    up: Id,
    east: Id,
    styles: Vec<(&'static str, Id)>,
    /// Spaces of every household, by its code.
    pub zones: std::collections::BTreeMap<String, Vec<Id>>,
}

impl Kit {
    /// Starts on a file that has its body context.
    pub fn new(mut step: Step, body: Id) -> Self {
        let origin = step.add("IFCCARTESIANPOINT((0.,0.,0.))");
        let up = step.add("IFCDIRECTION((0.,0.,1.))");
        let east = step.add("IFCDIRECTION((1.,0.,0.))");
        let mut kit =
            Self { step, body, origin, up, east, styles: Vec::new(), zones: std::collections::BTreeMap::new() };
        for (name, rgb, transparency) in [
            ("wall", [0.90, 0.87, 0.80], 0.0),
            ("inner", [0.95, 0.94, 0.92], 0.0),
            ("slab", [0.72, 0.72, 0.70], 0.0),
            ("door", [0.55, 0.36, 0.22], 0.0),
            ("fire", [0.60, 0.20, 0.16], 0.0),
            ("metal", [0.70, 0.72, 0.75], 0.0),
            ("glass", [0.55, 0.72, 0.80], 0.55),
            ("space", [0.60, 0.80, 0.95], 0.8),
        ] {
            let style = kit.style(name, rgb, transparency);
            kit.styles.push((name, style));
        }
        kit
    }

    fn style(&mut self, name: &str, rgb: [f64; 3], transparency: f64) -> Id {
        let colour = self.step.add(&format!("IFCCOLOURRGB($,{},{},{})", real(rgb[0]), real(rgb[1]), real(rgb[2])));
        let shading = self
            .step
            .add(&format!("IFCSURFACESTYLERENDERING({colour},{},$,$,$,$,$,$,.NOTDEFINED.)", real(transparency)));
        self.step.add(&format!("IFCSURFACESTYLE({},.BOTH.,({shading}))", text(name)))
    }

    /// A point.
    pub fn point(&mut self, p: [f64; 3]) -> Id {
        if p == [0.0; 3] {
            return self.origin;
        }
        self.step.add(&format!("IFCCARTESIANPOINT(({},{},{}))", real(p[0]), real(p[1]), real(p[2])))
    }

    /// A placement relative to another, turned so that its x axis is `x`.
    pub fn placement(&mut self, parent: Option<Id>, p: [f64; 3], x: Option<[f64; 3]>) -> Id {
        let point = self.point(p);
        let axes = match x {
            None => self.step.add(&format!("IFCAXIS2PLACEMENT3D({point},$,$)")),
            Some(x) => {
                let (up, x) = (self.up, self.direction(x));
                self.step.add(&format!("IFCAXIS2PLACEMENT3D({point},{up},{x})"))
            }
        };
        let parent = parent.map_or_else(|| "$".to_owned(), |p| p.to_string());
        self.step.add(&format!("IFCLOCALPLACEMENT({parent},{axes})"))
    }

    fn direction(&mut self, d: [f64; 3]) -> Id {
        if d == [1.0, 0.0, 0.0] {
            return self.east;
        }
        self.step.add(&format!("IFCDIRECTION(({},{},{}))", real(d[0]), real(d[1]), real(d[2])))
    }

    /// A box from `low` to `high` in the element's own axes.
    pub fn solid_box(&mut self, low: [f64; 3], high: [f64; 3]) -> Id {
        let (w, d) = (high[0] - low[0], high[1] - low[1]);
        let middle = self.step.add(&format!(
            "IFCCARTESIANPOINT(({},{}))",
            real((low[0] + high[0]) * 0.5),
            real((low[1] + high[1]) * 0.5)
        ));
        let at = self.step.add(&format!("IFCAXIS2PLACEMENT2D({middle},$)"));
        let profile = self.step.add(&format!("IFCRECTANGLEPROFILEDEF(.AREA.,$,{at},{},{})", real(w), real(d)));
        self.extrude(profile, low[2], high[2] - low[2])
    }

    /// A profile of a ring with rectangular holes, extruded from `z` upwards.
    pub fn solid_ring(&mut self, ring: &[Pt], holes: &[[f64; 4]], z: f64, height: f64) -> Id {
        let outer = self.polyline(ring);
        let profile = if holes.is_empty() {
            self.step.add(&format!("IFCARBITRARYCLOSEDPROFILEDEF(.AREA.,$,{outer})"))
        } else {
            let inner: Vec<Id> = holes
                .iter()
                .map(|h| self.polyline(&[[h[0], h[1]], [h[0], h[3]], [h[2], h[3]], [h[2], h[1]]]))
                .collect();
            self.step.add(&format!("IFCARBITRARYPROFILEDEFWITHVOIDS(.AREA.,$,{outer},{})", list(&inner)))
        };
        self.extrude(profile, z, height)
    }

    /// A ring in the (y, z) plane at `x`, extruded along x.
    pub fn solid_side(&mut self, ring: &[Pt], x: f64, width: f64) -> Id {
        let curve = self.polyline(ring);
        let profile = self.step.add(&format!("IFCARBITRARYCLOSEDPROFILEDEF(.AREA.,$,{curve})"));
        let point = self.point([x, 0.0, 0.0]);
        let east = self.east;
        let north = self.direction([0.0, 1.0, 0.0]);
        let at = self.step.add(&format!("IFCAXIS2PLACEMENT3D({point},{east},{north})"));
        let up = self.up;
        self.step.add(&format!("IFCEXTRUDEDAREASOLID({profile},{at},{up},{})", real(width)))
    }

    fn polyline(&mut self, ring: &[Pt]) -> Id {
        let mut points: Vec<Id> = ring
            .iter()
            .map(|p| self.step.add(&format!("IFCCARTESIANPOINT(({},{}))", real(p[0]), real(p[1]))))
            .collect();
        points.push(points[0]);
        self.step.add(&format!("IFCPOLYLINE({})", list(&points)))
    }

    fn extrude(&mut self, profile: Id, z: f64, height: f64) -> Id {
        let point = self.point([0.0, 0.0, z]);
        let at = self.step.add(&format!("IFCAXIS2PLACEMENT3D({point},$,$)"));
        let up = self.up;
        self.step.add(&format!("IFCEXTRUDEDAREASOLID({profile},{at},{up},{})", real(height)))
    }

    /// A shape of some solids in one colour.
    pub fn shape(&mut self, solids: &[Id], style: &str) -> Id {
        let found = self.styles.iter().find(|s| s.0 == style).map(|s| s.1);
        if let Some(style) = found {
            for s in solids {
                self.step.add(&format!("IFCSTYLEDITEM({s},({style}),$)"));
            }
        }
        let body = self.body;
        let representation =
            self.step.add(&format!("IFCSHAPEREPRESENTATION({body},'Body','SweptSolid',{})", list(solids)));
        self.step.add(&format!("IFCPRODUCTDEFINITIONSHAPE($,$,({representation}))"))
    }

    /// Property sets: (name, [(property, typed value)]).
    pub fn pset(&mut self, element: Id, key: &str, name: &str, properties: &[(&str, String)]) {
        let values: Vec<Id> = properties
            .iter()
            .map(|(n, v)| self.step.add(&format!("IFCPROPERTYSINGLEVALUE({},$,{v},$)", text(n))))
            .collect();
        let set = self.step.add(&format!(
            "IFCPROPERTYSET({},$,{},$,{})",
            guid(&format!("{key}/{name}")),
            text(name),
            list(&values)
        ));
        self.step
            .add(&format!("IFCRELDEFINESBYPROPERTIES({},$,$,$,({element}),{set})", guid(&format!("{key}/{name}/rel"))));
    }

    /// Floor area and height of a space.
    pub fn space_quantities(&mut self, space: Id, key: &str, area_m2: f64, height_m: f64) {
        let a = self.step.add(&format!("IFCQUANTITYAREA('NetFloorArea',$,$,{},$)", real(area_m2)));
        let h = self.step.add(&format!("IFCQUANTITYLENGTH('Height',$,$,{},$)", real(height_m)));
        let v = self.step.add(&format!("IFCQUANTITYVOLUME('NetVolume',$,$,{},$)", real(area_m2 * height_m)));
        let set = self.step.add(&format!(
            "IFCELEMENTQUANTITY({},$,'Qto_SpaceBaseQuantities',$,$,{})",
            guid(&format!("{key}/qto")),
            list(&[a, h, v])
        ));
        self.step.add(&format!("IFCRELDEFINESBYPROPERTIES({},$,$,$,({space}),{set})", guid(&format!("{key}/qto/rel"))));
    }

    /// Decomposition of `whole` into `parts`.
    pub fn aggregate(&mut self, key: &str, whole: Id, parts: &[Id]) {
        if !parts.is_empty() {
            self.step.add(&format!(
                "IFCRELAGGREGATES({},$,$,$,{whole},{})",
                guid(&format!("{key}/parts")),
                list(parts)
            ));
        }
    }
}
