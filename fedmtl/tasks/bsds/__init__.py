"""How the field measures boundaries: the protocol of the Berkeley benchmark (BSDS), as SEISM runs it.

Martin, Fowlkes and Malik, "Learning to Detect Natural Image Boundaries Using Local Brightness, Color, and Texture Cues"
(2004); Pont-Tuset and Marques, "Supervised Evaluation of Image Segmentation" (2016).
"""
