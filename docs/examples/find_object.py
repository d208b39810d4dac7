"""Find what one crop shows in a photograph that was turned and shrunk, and draw it.

Writes found.png; README.md shows it in fewer pixels and colours.
"""

import equivfast as ef
from equivfast import report

cat = ef.data.photographs(["cat"])[0].image
eye = cat[75:155, 130:210]
scene, _ = ef.groups.warp(cat, ef.groups.rotation(-130) @ ef.groups.scaling(0.8), border="edge")

detector = ef.PoseDetector.from_template(eye)
found = detector.detect(scene)

best = found[0]
true = ef.groups.rotation(-130) @ ef.groups.scaling(0.8)
x, y = true((169.5 - 225, 114.5 - 149.5))  # from the middle of the photograph, as g sees it
x, y = x + 225, y + 149.5
assert abs(best.x - x) < 1 and abs(best.y - y) < 1, (best, x, y)
assert abs(best.angle + 130) < 1 and abs(best.scale - 0.8) < 0.02, best

report.write_bytes("found.png", report.png_bytes(report.detections_picture(scene, found, eye)))
print(f"x {best.x:.1f}, y {best.y:.1f}, scale {best.scale:.2f}, angle {best.angle:.0f} degrees")
