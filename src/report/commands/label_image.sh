python label_image.py --graph=@GRAPH@ --labels=@LABELS@ \
    --input_layer=@INPUT@ --output_layer=@OUTPUT@ \
    --input_height=@HEIGHT@ --input_width=@WIDTH@ \
    --input_mean=@WHOLE_MEAN@ --input_std=@WHOLE_STD@ --image=@PHOTOGRAPH@
