{ printf '{"signature_name": "serving_classify", "examples": [{"image_bytes": {"b64": "'
  base64 < @PHOTOGRAPH@ | tr -d '\n'
  printf '"}}]}'; } |
    curl --data @- http://localhost:8501/v1/models/retrained:classify
