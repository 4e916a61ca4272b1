{ printf '{"signature_name": "serving_bytes", "instances": [{"b64": "'
  base64 < @PHOTOGRAPH@ | tr -d '\n'
  printf '"}]}'; } |
    curl --data @- http://localhost:8501/v1/models/retrained:predict
