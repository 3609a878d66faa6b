"""Copying detail from a reference that shows the same thing, where it matches the input and as far as a gate trusts it.

`searching` finds for every pixel of the input the places of a reference that would look like its neighbourhood if the
reference were as small as the input; `copying` takes the detail that lies there; `gate` is the network that says how
much of it replaces a sample's own. A *cell* is a pixel of the input: ``scale`` x ``scale`` pixels of a sample. A
*place* is the first pixel of a cell in a reference, whatever its phase, as an index into the reference's flat pixels.
"""
