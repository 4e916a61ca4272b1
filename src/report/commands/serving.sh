mkdir -p serving/retrained/1 && cp -R @SAVED_MODEL@/. serving/retrained/1
tensorflow_model_server --rest_api_port=8501 --model_name=retrained \
    --model_base_path="$PWD/serving/retrained"
