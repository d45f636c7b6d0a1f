//! Layouts other than the genuine one: text scenes that osgconv turns into binary ones, and big endian.

use crate::common::{geometries, osgconv, scratch};
use osgb::{Node, flatten, read};

const SCENE: &str = r#"#Ascii Scene
#Version 161
#Generator OpenSceneGraph 3.6.5

osg::Group {
  UniqueID 1
  Name "top"
  UserDataContainer TRUE {
    osg::DefaultUserDataContainer {
      UniqueID 20
      UDC_Descriptions 1 {
        "made by hand"
      }
    }
  }
  Children 3 {
    osg::MatrixTransform {
      UniqueID 2
      Children 1 {
        osg::Geode {
          UniqueID 3
          Drawables 1 {
            osg::Geometry {
              UniqueID 4
              PrimitiveSetList 4 {
                osg::DrawArrays {
                  UniqueID 5
                  Mode TRIANGLE_STRIP
                  Count 4
                }
                osg::DrawArrayLengths {
                  UniqueID 6
                  Mode TRIANGLE_FAN
                  vector 1 {
                    4
                  }
                }
                osg::DrawElementsUShort {
                  UniqueID 7
                  Mode QUADS
                  vector 4 {
                    3 2 1 0
                  }
                }
                osg::DrawArrays {
                  UniqueID 17
                  Mode LINES
                  Count 4
                }
              }
              VertexArray TRUE {
                osg::Vec3dArray {
                  UniqueID 8
                  Binding BIND_PER_VERTEX
                  vector 4 {
                    550901.125 3360977.5 20
                    550902.125 3360977.5 20
                    550901.125 3360978.5 21
                    550902.125 3360978.5 22
                  }
                }
              }
              NormalArray TRUE {
                osg::Vec3Array {
                  UniqueID 9
                  Binding BIND_OVERALL
                  vector 1 {
                    0 0 2
                  }
                }
              }
              ColorArray TRUE {
                osg::Vec4Array {
                  UniqueID 10
                  Binding BIND_OVERALL
                  vector 1 {
                    0.5 0.25 0 1
                  }
                }
              }
            }
          }
        }
      }
      Matrix {
        1 0 0 0
        0 1 0 0
        0 0 1 0
        100 200 300 1
      }
    }
    osg::MatrixTransform {
      UniqueID 11
      Children 1 {
        osg::Geode {
          UniqueID 3
        }
      }
      Matrix {
        1 0 0 0
        0 1 0 0
        0 0 1 0
        -100 0 0 1
      }
    }
    osg::Switch {
      UniqueID 12
    }
  }
}
"#;

#[test]
fn hand_made_scene_with_sharing_doubles_and_strips() {
    let folder = scratch("hand_made");
    let text = folder.join("scene.osgt");
    std::fs::write(&text, SCENE).unwrap();
    let binary = folder.join("scene.osgb");
    if osgconv("", &text, &binary).is_none() {
        return;
    }
    let file = read(&std::fs::read(&binary).unwrap()).unwrap();
    assert_eq!(file.trailing_bytes, 0);
    let Node::Group { children } = &file.root else { panic!("root is not a group") };
    assert_eq!(children.len(), 3);
    assert_eq!(children[2], Node::Other { class: "osg::Switch".into() });
    let all = geometries(&file.root);
    assert_eq!(all.len(), 2, "the shared geode is there twice");
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0].indices, [0, 1, 2, 2, 1, 3, 0, 1, 2, 0, 2, 3, 3, 2, 1, 3, 1, 0]);
    assert_eq!((all[0].skipped_primitives, all[0].colour), (2, [0.5, 0.25, 0.0, 1.0]));
    assert_eq!(all[0].normals.as_deref(), Some(&[[0.0, 0.0, 1.0]; 4][..]));
    let flat = flatten(&file);
    assert_eq!(flat.meshes[0].origin, [551001.125, 3361177.5, 320.0]);
    assert_eq!(flat.meshes[1].origin, [550801.125, 3360977.5, 20.0]);
    assert_eq!(flat.meshes[0].positions[3], [1.0, 1.0, 2.0]);
    assert_eq!(flat.skipped_classes, ["osg::Switch"]);
}

/// A scene of version 91 in big endian, byte by byte: one empty group named 甲.
#[test]
fn big_endian() {
    let mut bytes = Vec::new();
    let word = |bytes: &mut Vec<u8>, w: u32| bytes.extend(w.to_be_bytes());
    let text = |bytes: &mut Vec<u8>, t: &str| {
        bytes.extend((t.len() as u32).to_be_bytes());
        bytes.extend(t.as_bytes());
    };
    for w in [0x6C91_0EA1, 0x1AFB_4545, 1, 91, 0] {
        word(&mut bytes, w);
    }
    text(&mut bytes, "0");
    text(&mut bytes, "osg::Group");
    word(&mut bytes, 1);
    text(&mut bytes, "甲");
    word(&mut bytes, 2);
    bytes.extend([0, 0, 0, 0, 0, 0, 1]);
    word(&mut bytes, u32::MAX);
    bytes.extend([0, 0]);
    let file = read(&bytes).unwrap();
    assert_eq!((file.version, file.trailing_bytes, file.root), (91, 0, Node::Group { children: Vec::new() }));
}
