"""The papers' two pictures of a layer series, as matplotlib figures.

Data in, figure out: nothing here runs a network, touches matplotlib's global state or opens a window. Every figure is a
`matplotlib.figure.Figure` to save, to show or to change.
"""


from ._word import plot_word

__all__ = ["plot_word"]
