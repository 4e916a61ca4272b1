label_image --graph=@GRAPH@ --save_preview=@PREVIEWS@ @LABELLED@
