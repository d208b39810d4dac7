"""Transform features instead of the image: an exact flip, and a turn by 45 degrees learned from two photographs."""

import torch

import equivfast as ef
from equivfast.groups import Grid, grid_action, hflip, rotation, window

phi = ef.representations.HOG(cell=8)
cat = torch.from_numpy(ef.data.photographs(["cat"])[0].image).permute(2, 0, 1)[None]
centre, size = (225.5, 149.5), 160  # 20 x 20 cells around the middle of the photograph
field = phi(window(cat, centre, size)[0])

# A flip moves cells and permutes channels: the op that does both is feature_transform.
cells = grid_action(hflip(), Grid.centred(20, 20, stride=8))
channels = torch.eye(phi.channels)[phi.channel_action(hflip())]
flipped = ef.feature_transform(field, cells.index, channels)
difference = (flipped - phi(window(cat, centre, size, hflip())[0])).abs().max()
print(f"flip: largest difference {difference:.0e}")
assert difference < 1e-5

# A turn by 45 degrees is learned; the inner cells are those whose sources lie inside the field.
learn = [photo.image for photo in ef.data.photographs(["astronaut", "rocket"])]
M = ef.maps.fit(phi, rotation(45), learn)
turned = phi(window(cat, centre, size, rotation(45))[0])
inner = (..., slice(5, -5), slice(5, -5))
without = ef.maps.hellinger(field[inner], turned[inner]).mean()
learned = ef.maps.hellinger(M(field)[inner], turned[inner]).mean()
print(f"rotation 45: Hellinger distance {without:.2f} without a map, {learned:.2f} with it")
assert learned < 0.6 * without
